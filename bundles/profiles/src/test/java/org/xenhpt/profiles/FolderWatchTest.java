// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileProblem;
import org.xenhpt.api.profile.ProfileStore.Entry;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.PagingMode;

/** Profiles that come, change and go while the platform is up. */
class FolderWatchTest {
    @TempDir
    private Path folder;
    private final List<Path> read = new ArrayList<>();
    private FolderProfiles closeable = new FolderProfiles(Path.of("none"));

    @AfterEach
    void stop() {
        closeable.stop();
    }

    private static Profile profile(String text) {
        return new Profile("p", new KernelMatch(Architecture.X86_64, text, "b", ""), new Origin("hand", "", ""), Map.of(),
                Map.of(), Map.of());
    }

    /** Text that begins with ! is broken. */
    private Entry entry(Path file) {
        try {
            read.add(file);
            String text = Files.readString(file);
            return text.startsWith("!")
                    ? new Entry(file, Optional.empty(), List.of(new ProfileProblem(file.toString(), 1, 1, "broken")))
                    : new Entry(file, Optional.of(profile(text)), List.of());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private FolderWatch watch() {
        return new FolderWatch(() -> {
            try (Stream<Path> files = Files.list(folder)) {
                return files.sorted().toList();
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }, this::entry);
    }

    private static String release(FolderWatch watch, Path file) {
        return watch.inForce(file).flatMap(Entry::profile).map(profile -> profile.kernel().release()).orElse("none");
    }

    private Path old(String name, String text) throws IOException {
        Path file = Files.writeString(folder.resolve(name), text);
        Files.setLastModifiedTime(file, FileTime.from(Instant.now().minus(Duration.ofHours(1))));
        return file;
    }

    @Test
    void whatIsThereAtTheStartIsTakenAtOnce() throws IOException {
        Path file = old("a", "one");
        FolderWatch watch = watch();
        assertThat(watch.files()).containsExactly(file);
        assertThat(release(watch, file)).isEqualTo("one");
    }

    @Test
    void aFileIsReadWhenItNoLongerChanges() throws IOException {
        FolderWatch watch = watch();
        long before = watch.version();
        Path file = Files.writeString(folder.resolve("a"), "half");
        watch.round();
        assertThat(read).isEmpty();
        Files.writeString(file, " and half", StandardOpenOption.APPEND);
        watch.round();
        assertThat(read).as("it changed since the last round").isEmpty();
        assertThat(watch.version()).isEqualTo(before);
        watch.round();
        assertThat(release(watch, file)).isEqualTo("half and half");
        assertThat(watch.version()).isNotEqualTo(before);
        watch.round();
        assertThat(read).as("read once").containsExactly(file);
    }

    @Test
    void aBrokenFileLeavesTheOldOneInForce() throws IOException {
        Path file = old("a", "one");
        Path never = old("b", "!");
        FolderWatch watch = watch();
        long before = watch.version();
        Files.writeString(file, "!two");
        watch.round();
        watch.round();
        assertThat(read).containsExactly(file, never, file);
        assertThat(release(watch, file)).isEqualTo("one");
        assertThat(watch.files()).containsExactly(file);
        assertThat(watch.version()).isEqualTo(before);
        Files.writeString(file, "three");
        watch.round();
        watch.round();
        assertThat(release(watch, file)).isEqualTo("three");
        assertThat(watch.version()).isNotEqualTo(before);
    }

    @Test
    void anEditorMayRemoveAndWriteAnew() throws IOException {
        Path file = old("a", "one");
        FolderWatch watch = watch();
        long before = watch.version();
        Files.delete(file);
        watch.round();
        assertThat(release(watch, file)).isEqualTo("one");
        Files.writeString(file, "two");
        watch.round();
        assertThat(release(watch, file)).isEqualTo("one");
        watch.round();
        assertThat(release(watch, file)).isEqualTo("two");
        Files.delete(file);
        watch.round();
        watch.round();
        assertThat(release(watch, file)).isEqualTo("none");
        assertThat(watch.version()).isEqualTo(before + 2);
    }

    @Test
    void aChangeThatSaysTheSameIsNone() throws IOException {
        Path file = old("a", "one");
        FolderWatch watch = watch();
        long before = watch.version();
        Files.writeString(file, "one");
        watch.round();
        watch.round();
        assertThat(read).containsExactly(file, file);
        assertThat(watch.version()).isEqualTo(before);
    }

    private static void await(String what, BooleanSupplier condition) throws InterruptedException {
        Instant end = Instant.now().plusSeconds(120);
        while (!condition.getAsBoolean()) {
            assertThat(Instant.now()).as("still not: " + what).isBefore(end);
            Thread.sleep(20);
        }
    }

    private static boolean finds(FolderProfiles profiles, String release) {
        return profiles.find(null, new KernelIdentity(release, "banner", "", Architecture.X86_64, PagingMode.values()[0], 0, 0,
                0, 0, 0, Map.of(), List.of()), null, Needs.NONE, Progress.NONE).isPresent();
    }

    @Test
    void theStoreFollowsTheFolder(@TempDir Path elsewhere) throws Exception {
        FolderProfiles profiles = new FolderProfiles(folder);
        closeable = profiles;
        profiles.watch();
        assertThat(finds(profiles, "6.1.0")).isFalse();
        Profile good = new Profile("6.1.0", new KernelMatch(Architecture.X86_64, "6.1.0", "banner", ""),
                new Origin("hand", "", ""), Map.of("a", 1L), Map.of(), Map.of());
        // Written by another process: first elsewhere, then in place.
        profiles.write(good, elsewhere.resolve("6.1.0.yaml"));
        assertThat(finds(profiles, "6.1.0")).isFalse();
        Path file = folder.resolve("6.1.0.yaml");
        Files.copy(elsewhere.resolve("6.1.0.yaml"), file);
        await("the new profile is found", () -> finds(profiles, "6.1.0"));
        long version = profiles.version();
        Files.writeString(file, "kernel: [\n");
        await("it is read as broken", () -> profiles.read(file).profile().isEmpty());
        Thread.sleep(3 * FolderWatch.ROUND_MILLIS);
        assertThat(finds(profiles, "6.1.0")).as("the old one stays in force").isTrue();
        assertThat(profiles.version()).isEqualTo(version);
        Files.delete(file);
        await("the profile is given up", () -> !finds(profiles, "6.1.0"));
        assertThat(profiles.version()).isNotEqualTo(version);
        profiles.write(good, file);
        assertThat(finds(profiles, "6.1.0")).as("what this process wrote is whole: no need to wait").isTrue();
        profiles.use(elsewhere);
        assertThat(finds(profiles, "6.1.0")).isTrue();
        long other = profiles.version();
        Files.move(elsewhere.resolve("6.1.0.yaml"), elsewhere.resolve("away"), StandardCopyOption.ATOMIC_MOVE);
        await("the other folder is watched", () -> !finds(profiles, "6.1.0"));
        assertThat(profiles.version()).isNotEqualTo(other);
    }

    @Test
    void whatOthersMayWriteToIsRefused() throws Exception {
        FolderProfiles profiles = new FolderProfiles(folder);
        Path file = folder.resolve("6.1.0.yaml");
        profiles.write(new Profile("6.1.0", new KernelMatch(Architecture.X86_64, "6.1.0", "banner", ""),
                new Origin("hand", "", ""), Map.of("a", 1L), Map.of(), Map.of()), file);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-r--r--");
        assertThat(finds(profiles, "6.1.0")).isTrue();
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--rw-"));
        assertThat(finds(profiles, "6.1.0")).isFalse();
        assertThat(profiles.read(file).problems().toString()).contains("others than its owner may write to it")
                .contains("chmod o-w " + file);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
        assertThat(finds(profiles, "6.1.0")).isTrue();
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxr-x"));
        assertThat(finds(profiles, "6.1.0")).isFalse();
        assertThatThrownBy(profiles::list).isInstanceOf(HptException.class).hasMessageContaining("is refused")
                .hasMessageContaining("chmod g-w " + folder).hasMessageContaining("hpt.trust=any");
        assertThat(Trust.of("any").refusal(folder)).isEmpty();
        assertThat(Trust.of("anything else").refusal(folder)).isPresent();
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        assertThat(finds(profiles, "6.1.0")).isTrue();
    }
}
