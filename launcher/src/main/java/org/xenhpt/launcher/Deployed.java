// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import java.net.URI;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleEvent;
import org.osgi.framework.SynchronousBundleListener;
import org.osgi.framework.hooks.resolver.ResolverHook;
import org.osgi.framework.hooks.resolver.ResolverHookFactory;
import org.osgi.framework.wiring.BundleCapability;
import org.osgi.framework.wiring.BundleRequirement;
import org.osgi.framework.wiring.BundleRevision;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Guards the deploy folder: what comes from there is written down, and a bundle that is not trusted does not resolve, so that
 * none of its code is run.
 */
final class Deployed implements ResolverHookFactory, ResolverHook, SynchronousBundleListener {
    /** By default what it gets is shown, unlike other loggers' information: see {@link Settings#loggingProperties}. */
    static final String AUDIT = "audit";
    private static final Logger LOG = LoggerFactory.getLogger(AUDIT);

    private final Path folder;
    private final Trust trust;
    private final Map<Long, String> refused = new ConcurrentHashMap<>();

    Deployed(Path folder, Trust trust) {
        this.folder = folder;
        this.trust = trust;
    }

    /** Whether bundles are taken from the folder at all; if not, it is written down why. */
    boolean isTrusted() {
        Optional<String> refusal = trust.refusal(folder);
        refusal.ifPresent(why -> LOG.warn("The deploy folder is refused, no bundle is taken from it: {}", why));
        return refusal.isEmpty();
    }

    /** The bundle's file, when it comes from the folder. */
    private Optional<Path> file(Bundle bundle) {
        String location = bundle.getLocation();
        int path = location.indexOf('/');
        if (!location.startsWith("file:") && !location.contains(":file:") || path < 0) {
            return Optional.empty();
        }
        try {
            Path file = Path.of(URI.create("file:" + location.substring(path))).normalize();
            return file.startsWith(folder.normalize()) ? Optional.of(file) : Optional.empty();
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    @Override
    public ResolverHook begin(Collection<BundleRevision> triggers) {
        return this;
    }

    @Override
    public void filterResolvable(Collection<BundleRevision> candidates) {
        candidates.removeIf(candidate -> {
            Bundle bundle = candidate.getBundle();
            Optional<String> why = file(bundle).flatMap(trust::refusalOfFile);
            if (why.isPresent() && !why.get().equals(refused.put(bundle.getBundleId(), why.get()))) {
                LOG.warn("Bundle {} is refused and not started: {}", named(bundle), why.get());
            }
            return why.isPresent();
        });
    }

    @Override
    public void filterSingletonCollisions(BundleCapability singleton, Collection<BundleCapability> collisions) {
        // As the framework decides.
    }

    @Override
    public void filterMatches(BundleRequirement requirement, Collection<BundleCapability> candidates) {
        // As the framework decides.
    }

    @Override
    public void end() {
        // Nothing was kept for the resolution.
    }

    @Override
    public void bundleChanged(BundleEvent event) {
        String what = switch (event.getType()) {
            case BundleEvent.INSTALLED -> "installed";
            case BundleEvent.STARTED -> "started";
            case BundleEvent.STOPPED -> "stopped";
            case BundleEvent.UPDATED -> "updated";
            case BundleEvent.UNINSTALLED -> "uninstalled";
            default -> "";
        };
        if (event.getType() == BundleEvent.UNINSTALLED) {
            refused.remove(event.getBundle().getBundleId());
        }
        if (!what.isEmpty()) {
            file(event.getBundle()).ifPresent(file -> LOG.info("Bundle {} {}, from {}, by {}", named(event.getBundle()), what,
                    file, System.getProperty("user.name")));
        }
    }

    private static String named(Bundle bundle) {
        return bundle.getSymbolicName() + " " + bundle.getVersion();
    }
}
