// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.plugins;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongFunction;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.Constants;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.osgi.service.component.runtime.dto.ComponentConfigurationDTO;
import org.osgi.service.component.runtime.dto.ComponentDescriptionDTO;
import org.osgi.service.component.runtime.dto.ReferenceDTO;
import org.osgi.service.component.runtime.dto.UnsatisfiedReferenceDTO;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.frontend.FrontEnd;
import org.xenhpt.api.guest.Backend;
import org.xenhpt.api.kernel.KernelIdentifier;
import org.xenhpt.api.profile.ProfileImporter;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.translation.Translator;
import picocli.CommandLine.Command;

/** Looks at the framework: which bundles there are, what they give, and what they lack. */
public final class Plugins {
    /** Without these no guest can be shown, whoever provides them. */
    private static final Map<Class<?>, String> NEEDED = Map.of(Backend.class, "backend", Decoder.class, "decoder",
            ProfileSource.class, "source of profiles", Translator.class, "address translation", KernelIdentifier.class,
            "identification of kernels", FrontEnd.class, "front end");
    private static final int LONGEST = 300;
    private static final int PATIENCE_SECONDS = 5;

    private final BundleContext context;
    private final Optional<ServiceComponentRuntime> components;
    private final Unresolved unresolved;

    /** @param components tells of Declarative Services; without it, what components wait for is not told */
    public Plugins(BundleContext context, Optional<ServiceComponentRuntime> components) {
        this.context = context;
        this.components = components;
        unresolved = new Unresolved(List.of(context.getBundles()));
    }

    /** All bundles but the framework, by name. */
    public List<Plugin> all() {
        List<Plugin> all = new ArrayList<>();
        for (Bundle bundle : context.getBundles()) {
            if (bundle.getBundleId() == Constants.SYSTEM_BUNDLE_ID || bundle.getState() == Bundle.UNINSTALLED) {
                continue;
            }
            try {
                all.add(plugin(bundle));
            } catch (IllegalStateException e) {
                // Bundles may be uninstalled while they are looked at; then there is nothing to tell of them.
                if (bundle.getState() != Bundle.UNINSTALLED) {
                    throw e;
                }
            }
        }
        all.sort(Comparator.comparing(Plugin::name).thenComparing(Plugin::version));
        return List.copyOf(all);
    }

    /** What is installed nowhere though guests cannot be shown without it, in words. */
    public List<String> missing() {
        TreeSet<String> missing = new TreeSet<>();
        NEEDED.forEach((type, word) -> {
            if (context.getServiceReference(type) == null) {
                missing.add(word);
            }
        });
        return List.copyOf(missing);
    }

    private Plugin plugin(Bundle bundle) {
        List<String> problems = new ArrayList<>();
        String state;
        boolean isFragment = bundle.getHeaders("").get(Constants.FRAGMENT_HOST) != null;
        if (bundle.getState() == Bundle.INSTALLED) {
            state = "unresolved";
            List<String> refusals = refusals(bundle);
            problems.addAll(refusals.isEmpty() ? unresolved.reasons(bundle) : refusals);
        } else if (bundle.getState() == Bundle.ACTIVE || bundle.getState() == Bundle.STARTING || isFragment) {
            state = isStarting(bundle) ? "starting" : "active";
            problems.addAll(waiting(bundle));
        } else {
            state = "stopped";
            problems.add("it is not started: look for why in what hpt logged");
        }
        TreeSet<String> gives = new TreeSet<>();
        ServiceReference<?>[] services = bundle.getRegisteredServices();
        for (ServiceReference<?> service : services == null ? new ServiceReference<?>[0] : services) {
            for (String type : (String[]) service.getProperty(Constants.OBJECTCLASS)) {
                describe(service, type, gives, problems);
            }
        }
        String name = bundle.getSymbolicName() == null ? "bundle " + bundle.getBundleId() : bundle.getSymbolicName();
        return new Plugin(name, bundle.getVersion().toString(), state, List.copyOf(gives), problems,
                file(bundle.getLocation()));
    }

    /** A bundle with the lazy policy says so, too, until its first class is needed; there is nothing to wait for. */
    private static boolean isStarting(Bundle bundle) {
        String policy = bundle.getHeaders("").get(Constants.BUNDLE_ACTIVATIONPOLICY);
        return bundle.getState() == Bundle.STARTING && (policy == null || !policy.strip().startsWith(Constants.ACTIVATION_LAZY));
    }

    /** Why whoever guards the framework does not let the bundle resolve. The launcher does so for the deploy folder. */
    private List<String> refusals(Bundle bundle) {
        List<String> refusals = new ArrayList<>();
        try {
            for (ServiceReference<?> guard : context.getServiceReferences(LongFunction.class, "(hpt.refusals=true)")) {
                if (context.getService(guard) instanceof LongFunction<?> refusal
                        && refusal.apply(bundle.getBundleId()) instanceof String why && !why.isEmpty()) {
                    refusals.add("refused: " + why);
                }
                context.ungetService(guard);
            }
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
        return refusals;
    }

    private static String file(String location) {
        int path = location.indexOf('/');
        return path < 0 ? location : Path.of(location.substring(path)).normalize().toString();
    }

    private void describe(ServiceReference<?> service, String type, TreeSet<String> gives, List<String> problems) {
        boolean ours = type.startsWith("org.xenhpt.api.");
        if (!ours) {
            return;
        }
        if (!service.isAssignableTo(context.getBundle(), type)) {
            problems.add("its " + simple(type) + " is of another version of the API, and is not used");
            return;
        }
        if (type.equals(HptCommand.class.getName()) && service.getProperty("hpt.command") instanceof String name) {
            gives.add("command " + name);
            return;
        }
        // Other bundles' code: what is wrong with it is the answer here, also that it does not answer.
        FutureTask<Optional<String>> told = new FutureTask<>(() -> tell(service, type));
        Thread asking = new Thread(told, "hpt-plugins");
        asking.setDaemon(true);
        asking.start();
        try {
            told.get(PATIENCE_SECONDS, TimeUnit.SECONDS).ifPresentOrElse(gives::add, () ->
                    problems.add("its " + simple(type) + " cannot be made: look for why in what hpt logged"));
        } catch (ExecutionException e) {
            problems.add("its " + simple(type) + " failed: " + brief(e.getCause()));
        } catch (TimeoutException e) {
            problems.add("its " + simple(type) + " does not answer");
            asking.interrupt();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Optional<String> tell(ServiceReference<?> service, String type) {
        Object object = context.getService(service);
        if (object == null) {
            return Optional.empty();
        }
        try {
            return Optional.of(words(object, type));
        } finally {
            context.ungetService(service);
        }
    }

    private static String brief(Throwable failure) {
        try {
            return brief(failure.toString());
        } catch (RuntimeException | StackOverflowError itsOwnCode) {
            return failure.getClass().getName();
        }
    }

    private static String words(Object service, String type) {
        String kind = simple(type);
        if (kind.equals("Backend") && service instanceof Backend backend) {
            return "backend " + backend.scheme() + ":";
        } else if (kind.equals("Decoder") && service instanceof Decoder decoder) {
            return "decoder " + decoder.name();
        } else if (kind.equals("ProfileSource") && service instanceof ProfileSource source) {
            return "source of profiles: " + source.name();
        } else if (kind.equals("ProfileImporter") && service instanceof ProfileImporter importer) {
            return "importer " + importer.format();
        } else if (kind.equals("HptCommand")) {
            Command command = service.getClass().getAnnotation(Command.class);
            return "command " + (command == null ? service.getClass().getName() : command.name());
        }
        return switch (kind) {
            case "ProfileStore" -> "profiles folders";
            case "Translator" -> "address translation";
            case "KernelIdentifier" -> "identification of kernels";
            case "FrontEnd" -> "front end";
            case "Commands" -> "commands for other shells";
            default -> kind.replaceAll("(?<=[a-z])(?=[A-Z])", " ").toLowerCase(Locale.ROOT);
        };
    }

    private static String simple(String type) {
        return type.substring(type.lastIndexOf('.') + 1);
    }

    /** What the bundle's components wait for, or failed by. */
    private List<String> waiting(Bundle bundle) {
        List<String> found = new ArrayList<>();
        for (ComponentDescriptionDTO component : components
                .map(runtime -> runtime.getComponentDescriptionDTOs(bundle)).orElse(List.of())) {
            for (ComponentConfigurationDTO configuration : components.get().getComponentConfigurationDTOs(component)) {
                if (configuration.state == ComponentConfigurationDTO.UNSATISFIED_REFERENCE) {
                    for (UnsatisfiedReferenceDTO reference : configuration.unsatisfiedReferences) {
                        found.add(simple(component.implementationClass) + " waits for a "
                                + awaited(component, reference.name) + ", which no bundle gives");
                    }
                } else if (configuration.state == ComponentConfigurationDTO.FAILED_ACTIVATION) {
                    found.add(simple(component.implementationClass) + " failed: " + brief(configuration.failure));
                }
            }
        }
        return found;
    }

    private static String awaited(ComponentDescriptionDTO component, String reference) {
        for (ReferenceDTO each : component.references) {
            if (each.name.equals(reference)) {
                return simple(each.interfaceName) + (each.target == null ? "" : " with " + each.target);
            }
        }
        return reference;
    }

    private static String brief(String text) {
        String line = text == null ? "" : text.lines().findFirst().orElse("");
        return line.length() > LONGEST ? line.substring(0, LONGEST) + "..." : line;
    }
}
