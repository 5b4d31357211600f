// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileCache;

/**
 * A folder with what was learnt from guests, a file for each build and what was wanted of it. It belongs to the user
 * alone: a folder or file that others can write to is not used.
 */
@Component
public final class LearntProfiles implements ProfileCache {
    /** Names the folder, or is {@code off}: a property of the framework or of the system. */
    public static final String PROPERTY = "hpt.cache";
    private static final String OFF = "off";
    private static final int NAME_BYTES = 16;
    private static final int LONGEST_RELEASE = 64;
    private static final Set<PosixFilePermission> OTHERS = EnumSet.of(PosixFilePermission.GROUP_WRITE,
            PosixFilePermission.OTHERS_WRITE);

    private static final Logger LOG = LoggerFactory.getLogger(LearntProfiles.class);

    private final Optional<Path> folder;
    private volatile boolean on = true;

    @Activate
    public LearntProfiles(BundleContext context) {
        this(folder(context.getProperty(PROPERTY), System.getenv()));
    }

    /** Outside of OSGi. */
    public LearntProfiles(Optional<Path> folder) {
        this.folder = folder;
    }

    /** Where the property and the environment (XDG Base Directory Specification) put it. */
    static Optional<Path> folder(String property, Map<String, String> environment) {
        if (property != null && !property.isBlank()) {
            return property.strip().equals(OFF) ? Optional.empty() : Optional.of(Path.of(property.strip()));
        }
        String caches = environment.getOrDefault("XDG_CACHE_HOME", "");
        String home = environment.getOrDefault("HOME", "");
        if (caches.startsWith("/")) {
            return Optional.of(Path.of(caches, "xenhpt", "profiles"));
        }
        return home.startsWith("/") ? Optional.of(Path.of(home, ".cache", "xenhpt", "profiles")) : Optional.empty();
    }

    @Override
    public Optional<Path> folder() {
        return on ? folder : Optional.empty();
    }

    @Override
    public void enable(boolean enabled) {
        on = enabled;
    }

    @Override
    public Optional<Profile> recall(KernelIdentity kernel, Needs needs) {
        Path file = folder().map(there -> there.resolve(name(match(kernel), needs))).orElse(null);
        if (file == null || !Files.exists(file, LinkOption.NOFOLLOW_LINKS) || !isOurs(file.getParent())
                || !isOurs(file)) {
            return Optional.empty();
        }
        Problems problems = new Problems(file.toString());
        Optional<Profile> profile = TextFile.read(file, problems)
                .flatMap(text -> ProfileReader.read(kernel.release(), text, problems));
        if (profile.isEmpty() || !profile.get().kernel().equals(match(kernel))) {
            LOG.warn("What was learnt of {} is thrown away: {}", kernel.release(), profile.isPresent()
                    ? file + " is of another build" : problems.list().get(0));
            delete(file);
            return Optional.empty();
        }
        return profile;
    }

    @Override
    public void keep(Profile learnt, Needs needs) {
        if (folder().isEmpty()) {
            return;
        }
        Path there = folder().get();
        Path file = there.resolve(name(learnt.kernel(), needs));
        try {
            if (!Files.isDirectory(there)) {
                Files.createDirectories(there.toAbsolutePath().getParent());
                Files.createDirectory(there, PosixFilePermissions.asFileAttribute(
                        PosixFilePermissions.fromString("rwx------")));
            }
            if (isOurs(there)) {
                String text = ProfileWriter.write(learnt);
                Path temporary = Files.createTempFile(there, ".learnt-", ".tmp");
                try {
                    Files.writeString(temporary, text);
                    Files.move(temporary, file, java.nio.file.StandardCopyOption.ATOMIC_MOVE,
                            java.nio.file.StandardCopyOption.REPLACE_EXISTING);
                } finally {
                    Files.deleteIfExists(temporary);
                }
            }
        } catch (IOException | HptException | UnsupportedOperationException e) {
            // The next attach learns it again.
            LOG.debug("What was learnt of {} is not kept", learnt.name(), e);
        }
    }

    @Override
    public void forget(KernelIdentity kernel, Needs needs) {
        folder().ifPresent(there -> delete(there.resolve(name(match(kernel), needs))));
    }

    private static KernelMatch match(KernelIdentity kernel) {
        return new KernelMatch(kernel.architecture(), kernel.release(), kernel.banner(), kernel.buildId());
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.debug("{} cannot be deleted", file, e);
        }
    }

    /** Whether nobody but the user can have written it. */
    private static boolean isOurs(Path path) {
        try {
            PosixFileAttributes attributes = Files.readAttributes(path, PosixFileAttributes.class,
                    LinkOption.NOFOLLOW_LINKS);
            boolean ours = !attributes.isSymbolicLink()
                    && attributes.owner().getName().equals(System.getProperty("user.name"))
                    && attributes.permissions().stream().noneMatch(OTHERS::contains);
            if (!ours) {
                LOG.warn("{} is not used: it is another user's, or others can write to it", path);
            }
            return ours;
        } catch (IOException | UnsupportedOperationException e) {
            LOG.debug("{} cannot be looked at", path, e);
            return false;
        }
    }

    /** A name that only this build and these needs have; a release may hold anything. */
    private static String name(KernelMatch kernel, Needs needs) {
        MessageDigest digest;
        try {
            digest = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
        // The lengths keep what belongs to one field from being taken for the next.
        for (String part : new String[] {kernel.architecture().label(), kernel.release(), kernel.banner(),
            kernel.buildId(), String.join(" ", new TreeSet<>(needs.symbols())),
            String.join(" ", new TreeSet<>(needs.members())), String.join(" ", new TreeSet<>(needs.constants()))}) {
            byte[] bytes = part.getBytes(StandardCharsets.UTF_8);
            digest.update((bytes.length + ":").getBytes(StandardCharsets.US_ASCII));
            digest.update(bytes);
        }
        String plain = kernel.release().replaceAll("[^A-Za-z0-9._+-]", "_");
        String release = plain.substring(0, Math.min(LONGEST_RELEASE, plain.length()));
        return (release.startsWith(".") ? "_" : "") + release + "-"
                + HexFormat.of().formatHex(digest.digest(), 0, NAME_BYTES) + ".yaml";
    }
}
