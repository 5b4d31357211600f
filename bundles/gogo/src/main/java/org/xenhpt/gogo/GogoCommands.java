// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.gogo;

import java.util.Dictionary;
import java.util.Hashtable;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.ServiceRegistration;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.xenhpt.api.command.Commands;
import org.xenhpt.api.command.HptCommand;

/**
 * Makes each command of hpt one of Gogo's, for as long as it is installed. No class of Gogo is needed for that: a service's
 * properties tell Gogo the names, and reflection finds the method.
 */
@Component(service = {}, immediate = true)
public class GogoCommands {
    private static final String SCOPE = "hpt";

    private final BundleContext context;
    private final Commands commands;
    private final Map<ServiceReference<HptCommand>, ServiceRegistration<GogoCommand>> registered = new ConcurrentHashMap<>();
    private boolean ended;

    @Activate
    public GogoCommands(BundleContext context, @Reference Commands commands) {
        this.context = context;
        this.commands = commands;
    }

    /** A command that does not tell its name by this property cannot be named without making it; the launcher's shell has it. */
    @Reference(service = HptCommand.class, cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC,
            target = "(hpt.command=*)")
    synchronized void add(ServiceReference<HptCommand> command) {
        String name = String.valueOf(command.getProperty("hpt.command"));
        Dictionary<String, Object> properties = new Hashtable<>(Map.of("osgi.command.scope", SCOPE, "osgi.command.function",
                name));
        if (!ended) {
            registered.put(command, context.registerService(GogoCommand.class, new GogoCommand(name, commands), properties));
        }
    }

    synchronized void remove(ServiceReference<HptCommand> command) {
        ServiceRegistration<GogoCommand> registration = registered.remove(command);
        if (registration != null) {
            registration.unregister();
        }
    }

    @Deactivate
    synchronized void end() {
        ended = true;
        registered.values().forEach(ServiceRegistration::unregister);
        registered.clear();
    }
}
