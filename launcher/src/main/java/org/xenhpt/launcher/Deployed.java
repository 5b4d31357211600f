// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collection;
import java.util.Date;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.felix.framework.BundleRevisionImpl;
import org.apache.felix.framework.cache.ConnectContentContent;
import org.apache.felix.framework.cache.Content;
import org.apache.felix.framework.cache.DirectoryContent;
import org.apache.felix.framework.cache.JarContent;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleEvent;
import org.osgi.framework.Constants;
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
 *
 * <p>What is judged is the framework's own copy of a bundle, which is what it takes classes from, in a folder that is open to
 * nobody else. A file that is exchanged after it was judged is not what is run. The distribution's bundles are not copied but
 * used where they are, in its folder, by which they are told from others: neither their names nor their locations would do,
 * as a file with the name and version of one of them is taken as its new content.
 */
final class Deployed implements ResolverHookFactory, SynchronousBundleListener {
    /** By default what it gets is shown, unlike other loggers' information: see {@link Settings#loggingProperties}. */
    static final String AUDIT = "audit";
    private static final Logger LOG = LoggerFactory.getLogger(AUDIT);

    private final Path folder;
    private final Path own;
    private final Settings settings;
    private final Trust trust;
    private final Map<Long, String> refused = new ConcurrentHashMap<>();
    /** What was said of each bundle, for when it is gone. */
    private final Map<Long, String> described = new ConcurrentHashMap<>();

    Deployed(Settings settings, Trust trust) {
        this.settings = settings;
        this.trust = trust;
        folder = settings.deploy().normalize();
        own = settings.home().resolve("bundles").normalize();
    }

    /** Whether bundles are taken from the folder at all; if not, it is written down why. */
    boolean isTrusted() {
        Optional<String> refusal = trust.refusal(folder);
        refusal.ifPresent(why -> LOG.warn("The deploy folder is refused, no bundle is taken from it: {}", why));
        if (trust == Trust.SIGNED) {
            signers().problem().ifPresent(why -> LOG.warn("Every bundle of the deploy folder will be refused: {}={}, and {}",
                    Trust.PROPERTY, "signed", why));
        }
        return refusal.isEmpty();
    }

    /** Why the bundle with this id is refused; empty when it is not. */
    String refusal(long bundle) {
        return refused.getOrDefault(bundle, "");
    }

    private TrustedSigners signers() {
        return TrustedSigners.read(settings.keyStore(), settings.keyStorePassword());
    }

    /** Whether it is one of the distribution's bundles, as it came with it. */
    private boolean isOwn(BundleRevision revision) {
        if (revision.getBundle().getBundleId() == Constants.SYSTEM_BUNDLE_ID) {
            return true;
        }
        Content content = ((BundleRevisionImpl) revision).getContent();
        // Only the launcher itself makes bundles of the class path.
        return content instanceof ConnectContentContent || content instanceof JarContent jar
                && jar.getFile().toPath().toAbsolutePath().normalize().startsWith(own)
                || content instanceof DirectoryContent directory
                && directory.getFile().toPath().toAbsolutePath().normalize().startsWith(own);
    }

    /** The jar that the framework takes the bundle's classes from; empty when it is none. */
    private static Optional<Path> copy(BundleRevision revision) {
        return ((BundleRevisionImpl) revision).getContent() instanceof JarContent jar ? Optional.of(jar.getFile().toPath())
                : Optional.empty();
    }

    /** The file in the deploy folder that the bundle was made of, or its content was replaced with. */
    private Optional<Path> file(BundleRevision revision) {
        String location = revision.getBundle().getLocation();
        int path = location.indexOf('/');
        if (path >= 0 && (location.startsWith("file:") || location.contains(":file:"))) {
            try {
                Path file = Path.of(URI.create("file:" + location.substring(path))).normalize();
                if (file.startsWith(folder)) {
                    return Optional.of(file);
                }
            } catch (IllegalArgumentException e) {
                // Not the location of a file.
            }
        }
        return copy(revision).flatMap(this::same);
    }

    /** The file in the deploy folder that has this content. */
    private Optional<Path> same(Path copy) {
        try {
            for (Path jar : Settings.jars(folder)) {
                if (Files.mismatch(jar, copy) < 0) {
                    return Optional.of(jar);
                }
            }
        } catch (IOException e) {
            // It has gone meanwhile: then nothing is known of who could write to it.
        }
        return Optional.empty();
    }

    @Override
    public ResolverHook begin(Collection<BundleRevision> triggers) {
        return new Resolution(Set.copyOf(triggers));
    }

    /**
     * Keeps refused bundles out of one resolution. Felix (7.0.5) takes a removal from the resolvable ones for one of every
     * bundle that is resolved already, so that nothing could be resolved as long as a refused bundle is there. Only one that
     * is itself to be resolved is removed therefore; of any other nothing is offered, and a fragment finds no host.
     */
    private final class Resolution implements ResolverHook {
        private final Set<BundleRevision> triggers;
        private final Map<BundleRevision, Optional<String>> judged = new HashMap<>();

        Resolution(Set<BundleRevision> triggers) {
            this.triggers = triggers;
        }

        private boolean isRefused(BundleRevision revision) {
            return revision != null && judged.computeIfAbsent(revision, Deployed.this::judge).isPresent();
        }

        @Override
        public void filterResolvable(Collection<BundleRevision> candidates) {
            candidates.removeIf(candidate -> isRefused(candidate) && triggers.contains(candidate));
        }

        @Override
        public void filterSingletonCollisions(BundleCapability singleton, Collection<BundleCapability> collisions) {
            // A refused bundle takes no other's place.
            collisions.removeIf(each -> isRefused(singleton.getRevision()) || isRefused(each.getRevision()));
        }

        @Override
        public void filterMatches(BundleRequirement requirement, Collection<BundleCapability> candidates) {
            candidates.removeIf(each -> isRefused(requirement.getRevision()) || isRefused(each.getRevision()));
        }

        @Override
        public void end() {
            // What was judged is judged anew the next time: certificates expire, and permissions change.
        }
    }

    private Optional<String> judge(BundleRevision candidate) {
        Optional<String> why = refusal(candidate);
        long id = candidate.getBundle().getBundleId();
        if (why.isEmpty()) {
            refused.remove(id);
        } else if (!why.get().equals(refused.put(id, why.get()))) {
            LOG.warn("Bundle {} is refused and not started: {} ({})", named(candidate.getBundle()), why.get(),
                    described.computeIfAbsent(id, any -> describe(candidate)));
        }
        return why;
    }

    private Optional<String> refusal(BundleRevision revision) {
        if (trust == Trust.ANY || isOwn(revision)) {
            return Optional.empty();
        }
        Optional<Path> file = file(revision);
        Optional<String> writable = file.flatMap(trust::refusalOfFile);
        if (writable.isPresent()) {
            return writable;
        }
        if (trust == Trust.SIGNED) {
            return copy(revision).map(jar -> SignedJar.verify(jar, signers(), new Date()).refusal())
                    .orElse(Optional.of("it is not a jar, so that it cannot be signed"));
        }
        boolean replaces = revision.getBundle().getLocation().contains(own.toUri().getPath());
        return file.isEmpty() && replaces ? Optional.of("it replaces a bundle of the distribution, and it cannot be told who"
                + " may write to the file that it came from") : Optional.empty();
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
        if (what.isEmpty()) {
            return;
        }
        Bundle bundle = event.getBundle();
        BundleRevision revision = bundle.adapt(BundleRevision.class);
        boolean isNew = event.getType() == BundleEvent.INSTALLED || event.getType() == BundleEvent.UPDATED;
        if (isNew && revision != null && !isOwn(revision)) {
            described.put(bundle.getBundleId(), describe(revision));
        }
        String description = described.get(bundle.getBundleId());
        if (description != null) {
            LOG.info("Bundle {} {}, {}, by {}", named(bundle), what, description, System.getProperty("user.name"));
        }
        if (event.getType() == BundleEvent.UNINSTALLED) {
            refused.remove(bundle.getBundleId());
            described.remove(bundle.getBundleId());
        }
    }

    /** Where the bundle is from, its bytes' digest and, where that counts, who signed it. */
    private String describe(BundleRevision revision) {
        String from = "from " + file(revision).map(Path::toString).orElseGet(() -> Plain.text(revision.getBundle().getLocation()));
        String digest = copy(revision).map(jar -> ", SHA-256 " + sha256(jar)).orElse("");
        if (trust != Trust.SIGNED) {
            return from + digest;
        }
        // Whoever is named without being trusted has not been shown to have signed all of it.
        String signed = copy(revision).map(jar -> SignedJar.verify(jar, signers(), new Date()))
                .map(jar -> jar.refusal().isPresent() ? ", not trusted"
                        : ", signed by " + String.join(" and ", jar.signers())).orElse("");
        return from + digest + signed;
    }

    private static String sha256(Path file) {
        try {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            try (InputStream in = new DigestInputStream(Files.newInputStream(file), digest)) {
                in.transferTo(OutputStream.nullOutputStream());
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (IOException e) {
            return "unknown: " + Plain.text(String.valueOf(e.getMessage()));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    private static String named(Bundle bundle) {
        return Plain.text(String.valueOf(bundle.getSymbolicName())) + " " + bundle.getVersion();
    }
}
