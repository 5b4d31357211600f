// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;

/**
 * Says which components wait for what. Declarative Services tells it by a service whose classes belong to a bundle: they are
 * asked by reflection, as the launcher has no class of a bundle.
 */
final class Diagnosis {
    private static final String RUNTIME = "org.osgi.service.component.runtime.ServiceComponentRuntime";

    private Diagnosis() {
    }

    static List<String> unsatisfied(BundleContext context) {
        ServiceReference<?> reference = context.getServiceReference(RUNTIME);
        if (reference == null) {
            return List.of("Declarative Services (org.apache.felix.scr) did not start");
        }
        List<String> found = new ArrayList<>();
        try {
            Object runtime = context.getService(reference);
            Class<?> type = runtime.getClass().getClassLoader().loadClass(RUNTIME);
            Object bundles = Array.newInstance(context.getBundle().getClass().getClassLoader()
                    .loadClass("org.osgi.framework.Bundle"), 0);
            Collection<?> components = (Collection<?>) type.getMethod("getComponentDescriptionDTOs", bundles.getClass())
                    .invoke(runtime, bundles);
            for (Object component : components) {
                Collection<?> configurations = (Collection<?>) type
                        .getMethod("getComponentConfigurationDTOs", component.getClass()).invoke(runtime, component);
                for (Object configuration : configurations) {
                    describe(field(component, "name"), configuration, found);
                }
            }
        } catch (ReflectiveOperationException | RuntimeException e) {
            found.add("what the components wait for cannot be told: " + e);
        }
        return found;
    }

    private static void describe(Object name, Object configuration, List<String> to) throws ReflectiveOperationException {
        Object missing = field(configuration, "unsatisfiedReferences");
        for (int i = 0; i < Array.getLength(missing); i++) {
            to.add("component " + name + " waits for " + field(Array.get(missing, i), "name"));
        }
        Object failure = field(configuration, "failure");
        if (failure != null) {
            to.add("component " + name + " failed: " + failure.toString().lines().findFirst().orElse(""));
        }
    }

    private static Object field(Object dto, String name) throws ReflectiveOperationException {
        return dto.getClass().getField(name).get(dto);
    }
}
