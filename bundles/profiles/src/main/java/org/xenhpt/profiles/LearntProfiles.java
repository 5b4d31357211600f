// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicReference;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import java.util.zip.Checksum;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileCache;

/**
 * A folder with what was learnt from guests: a file for each build and what was wanted of it, and one for each guest with
 * what was noted of it. It belongs to the user alone: a folder or file that others can write to is not used.
 */
@Component
public final class LearntProfiles implements ProfileCache {
    /** Names the folder, or is {@code off}: a property of the framework or of the system. */
    public static final String PROPERTY = "hpt.cache";
    private static final String OFF = "off";
    private static final int LONGEST_RELEASE = 64;
    private static final String NOTE_BEGIN = "guest-";
    private static final int MOST_NOTES = 500;

    private static final Logger LOG = LoggerFactory.getLogger(LearntProfiles.class);

    private final Optional<Path> folder;
    private volatile boolean on = true;
    private final AtomicReference<Optional<Reading>> expected = new AtomicReference<>(Optional.empty());

    /** A file that may be read in the background. */
    private record Reading(Path file, FutureTask<Optional<Profile>> task) {
        Reading(Path file, KernelMatch kernel) {
            this(file, new FutureTask<>(() -> read(file, kernel)));
        }

        Optional<Profile> result() {
            // Nothing if another thread began.
            task.run();
            try {
                return task.get();
            } catch (ExecutionException e) {
                throw new IllegalStateException(file + " could not be read", e.getCause());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException(file + " was not read to its end", e);
            }
        }
    }

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
        KernelMatch build = KernelMatch.of(kernel);
        Optional<Reading> begun = expected.getAndSet(Optional.empty());
        return folder().flatMap(there -> {
            Path file = there.resolve(name(build, needs));
            return begun.filter(reading -> reading.file().equals(file)).orElseGet(() -> new Reading(file, build)).result();
        });
    }

    @Override
    public void expect(KernelMatch kernel, Needs needs) {
        folder().ifPresent(there -> {
            Reading reading = new Reading(there.resolve(name(kernel, needs)), kernel);
            expected.set(Optional.of(reading));
            Thread thread = new Thread(reading.task(), "hpt-learnt");
            thread.setDaemon(true);
            thread.start();
        });
    }

    private static Optional<Profile> read(Path file, KernelMatch kernel) {
        if (!isThere(file)) {
            return Optional.empty();
        }
        Problems problems = new Problems(file.toString());
        Optional<Profile> profile = TextFile.read(file, problems)
                .flatMap(text -> ProfileReader.read(kernel.release(), text, problems));
        if (profile.isEmpty() || !isSame(profile.get().kernel(), kernel)) {
            LOG.warn("What was learnt of {} is thrown away: {}", kernel.release(), profile.isPresent()
                    ? file + " is of another build" : problems.list().get(0));
            delete(file);
            return Optional.empty();
        }
        return profile;
    }

    /** A record's own comparison is made by the JVM when it is first asked for, which takes 10 ms of an attach's 50. */
    private static boolean isSame(KernelMatch one, KernelMatch other) {
        return one.architecture() == other.architecture() && one.release().equals(other.release())
                && one.banner().equals(other.banner()) && one.buildId().equals(other.buildId());
    }

    @Override
    public void keep(Profile learnt, Needs needs) {
        try {
            write(name(learnt.kernel(), needs), ProfileWriter.write(learnt));
        } catch (IOException | HptException | UnsupportedOperationException e) {
            // The next attach learns it again.
            LOG.debug("What was learnt of {} is not kept", learnt.name(), e);
        }
    }

    private void write(String name, String text) throws IOException {
        if (folder().isEmpty()) {
            return;
        }
        Path there = folder().get();
        if (!Files.isDirectory(there)) {
            Files.createDirectories(there.toAbsolutePath().getParent());
            Files.createDirectory(there, PosixFilePermissions.asFileAttribute(
                    PosixFilePermissions.fromString("rwx------")));
        }
        if (Trust.isOurs(there)) {
            WholeFile.write(there.resolve(name), text, "rw-------", false);
        }
    }

    @Override
    public Optional<String> recallNote(GuestUri guest) {
        Optional<Path> file = folder().map(there -> there.resolve(noteName(guest)));
        if (file.isEmpty() || !isThere(file.get())) {
            return Optional.empty();
        }
        return TextFile.read(file.get(), new Problems(file.get().toString()));
    }

    @Override
    public void keepNote(GuestUri guest, String note) {
        String name = noteName(guest);
        try {
            write(name, note);
            if (folder().isPresent()) {
                forgetOldest(folder().get());
            }
        } catch (IOException | UnsupportedOperationException e) {
            LOG.debug("The note of {} is not kept", guest, e);
        }
    }

    /** Guests and images come and go, and nobody says which will not come again. */
    private static void forgetOldest(Path folder) throws IOException {
        List<Path> notes = new ArrayList<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, NOTE_BEGIN + "*")) {
            files.forEach(notes::add);
        }
        if (notes.size() > MOST_NOTES) {
            notes.sort(Comparator.comparing(file -> Stamp.of(file).map(Stamp::modified).orElse(Instant.MAX)));
            notes.subList(0, notes.size() - MOST_NOTES).forEach(LearntProfiles::delete);
        }
    }

    @Override
    public void forget(KernelIdentity kernel, Needs needs) {
        folder().ifPresent(there -> delete(there.resolve(name(KernelMatch.of(kernel), needs))));
    }

    private static void delete(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.debug("{} cannot be deleted", file, e);
        }
    }

    private static boolean isThere(Path file) {
        return Files.exists(file, LinkOption.NOFOLLOW_LINKS) && Trust.isOurs(file.getParent()) && Trust.isOurs(file);
    }

    /** A name that only this build and these needs have; a release may hold anything. */
    private static String name(KernelMatch kernel, Needs needs) {
        String plain = kernel.release().replaceAll("[^A-Za-z0-9._+-]", "_");
        String release = plain.substring(0, Math.min(LONGEST_RELEASE, plain.length()));
        return (release.startsWith(".") || release.startsWith(NOTE_BEGIN) ? "_" : "") + release + "-"
                + digest(kernel.architecture().label(), kernel.release(), kernel.banner(), kernel.buildId(),
                        String.join(" ", new TreeSet<>(needs.symbols())), String.join(" ", new TreeSet<>(needs.members())),
                        String.join(" ", new TreeSet<>(needs.constants()))) + ".yaml";
    }

    private static String noteName(GuestUri guest) {
        return NOTE_BEGIN + digest(guest.toString()) + ".txt";
    }

    /**
     * Names need no cryptography, whose loading takes longer than the rest of an attach: what is in a file is compared with
     * what was sought.
     */
    private static String digest(String... parts) {
        CRC32 one = new CRC32();
        CRC32C other = new CRC32C();
        // The lengths keep what belongs to one part from being taken for the next.
        for (String part : parts) {
            byte[] text = part.getBytes(StandardCharsets.UTF_8);
            byte[] length = (text.length + ":").getBytes(StandardCharsets.US_ASCII);
            for (Checksum sum : List.of(one, other)) {
                sum.update(length);
                sum.update(text);
            }
        }
        return HexFormat.of().toHexDigits((int) one.getValue()) + HexFormat.of().toHexDigits((int) other.getValue());
    }
}
