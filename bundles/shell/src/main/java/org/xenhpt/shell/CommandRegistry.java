// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceObjects;
import org.osgi.framework.ServiceReference;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.xenhpt.api.command.HptCommand;

/** The commands that are installed now: OSGi services, so that other bundles can add some. */
@Component(service = CommandRegistry.class)
public class CommandRegistry {
    /** The service property that tells a command's name before the command is made; without it, it is made and asked. */
    static final String NAME = "hpt.command";

    /** A command that can be had. */
    interface Offer {
        /** Empty when only the command itself tells it. */
        String name();

        /** The bundle that gives it, as messages name it. */
        default String owner() {
            return "a bundle";
        }

        /** An object for one call. */
        HptCommand make();

        /** Takes the object back. */
        void free(HptCommand command);
    }

    private final List<ServiceReference<HptCommand>> references = new CopyOnWriteArrayList<>();
    private BundleContext context;

    @Activate
    void activate(BundleContext bundleContext) {
        context = bundleContext;
    }

    @Reference(service = HptCommand.class, cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void add(ServiceReference<HptCommand> command) {
        references.add(command);
    }

    void remove(ServiceReference<HptCommand> command) {
        references.remove(command);
    }

    /** The commands by service ranking, highest first: of two with one name the first is meant. */
    List<Offer> offers() {
        List<ServiceReference<HptCommand>> sorted = new ArrayList<>(references);
        sorted.sort(Comparator.reverseOrder());
        // One that went just now gives none.
        return sorted.stream().map(reference -> context.getServiceObjects(reference)).filter(Objects::nonNull)
                .map(CommandRegistry::offer).toList();
    }

    private static Offer offer(ServiceObjects<HptCommand> objects) {
        return new Offer() {
            @Override
            public String name() {
                return objects.getServiceReference().getProperty(NAME) instanceof String text ? text : "";
            }

            @Override
            public String owner() {
                Bundle bundle = objects.getServiceReference().getBundle();
                return bundle == null ? "a bundle that went"
                        : "bundle " + bundle.getSymbolicName() + " " + bundle.getVersion();
            }

            @Override
            public HptCommand make() {
                return objects.getService();
            }

            @Override
            public void free(HptCommand command) {
                objects.ungetService(command);
            }
        };
    }
}
