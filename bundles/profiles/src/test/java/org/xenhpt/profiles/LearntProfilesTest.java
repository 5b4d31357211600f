// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.translation.PagingMode;

class LearntProfilesTest {
    private static final Needs NEEDS = new Needs(Set.of("init_task"), Set.of("task_struct.pid"));

    @TempDir
    Path parent;

    private Path folder;
    private LearntProfiles cache;

    @BeforeEach
    void open() {
        folder = parent.resolve("a/b/profiles");
        cache = new LearntProfiles(Optional.of(folder));
    }

    private static KernelIdentity kernel(String release, String banner, String buildId) {
        return new KernelIdentity(release, banner, buildId, Architecture.X86_64, PagingMode.LEVEL_4, 0, 0, 0, 0, 0,
                Map.of(), List.of());
    }

    private static Profile learnt(KernelIdentity kernel) {
        return new Profile(kernel.release(), new KernelMatch(kernel.architecture(), kernel.release(), kernel.banner(),
                kernel.buildId()), new Origin("guest-memory", "xen:web", "2026-01-01", 0.93, "ab 12 0+10"),
                Map.of("init_task", 0xffffffff82000000L), Map.of(), Map.of());
    }

    private final KernelIdentity kernel = kernel("6.1.0-a", "Linux version 6.1.0-a #1", "00ff");

    private List<Path> files() throws IOException {
        try (Stream<Path> all = Files.list(folder)) {
            return all.toList();
        }
    }

    @Test
    void keepsWhatWasLearntForTheUserAlone() throws IOException {
        assertThat(cache.recall(kernel, NEEDS)).isEmpty();
        cache.keep(learnt(kernel), NEEDS);
        assertThat(cache.recall(kernel, NEEDS)).contains(learnt(kernel));
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder))).isEqualTo("rwx------");
        assertThat(files()).hasSize(1).allSatisfy(file ->
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------"));
        cache.keep(learnt(kernel), NEEDS);
        assertThat(files()).as("no temporary file is left").hasSize(1);
        cache.forget(kernel, NEEDS);
        assertThat(cache.recall(kernel, NEEDS)).isEmpty();
        assertThat(files()).isEmpty();
    }

    @Test
    void whatIsExpectedIsReadOnce() throws IOException {
        cache.keep(learnt(kernel), NEEDS);
        cache.expect(KernelMatch.of(kernel), NEEDS);
        assertThat(cache.recall(kernel, NEEDS)).contains(learnt(kernel));
        cache.forget(kernel, NEEDS);
        assertThat(cache.recall(kernel, NEEDS)).as("what was read once is not given again").isEmpty();

        KernelIdentity other = kernel("6.1.0-a", "Linux version 6.1.0-a #2", "00ff");
        cache.keep(learnt(other), NEEDS);
        cache.expect(KernelMatch.of(kernel), NEEDS);
        assertThat(cache.recall(other, NEEDS)).as("not what was expected").contains(learnt(other));
        cache.expect(KernelMatch.of(other), NEEDS);
        cache.enable(false);
        assertThat(cache.recall(other, NEEDS)).isEmpty();
    }

    @Test
    void keepsNotesOfGuests() throws IOException {
        GuestUri guest = GuestUri.parse("xen:web");
        assertThat(cache.recallNote(guest)).isEmpty();
        cache.keepNote(guest, "first\n");
        cache.keepNote(GuestUri.parse("xen:web2"), "other\n");
        cache.keepNote(guest, "second\n");
        assertThat(cache.recallNote(guest)).contains("second\n");
        assertThat(files()).hasSize(2).allSatisfy(file ->
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file))).isEqualTo("rw-------"));
        for (Path file : files()) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw----"));
        }
        assertThat(cache.recallNote(guest)).as("others could write it").isEmpty();
        cache.enable(false);
        cache.keepNote(GuestUri.parse("xen:web3"), "none\n");
        assertThat(files()).hasSize(2);
    }

    @Test
    void forgetsTheGuestsThatWereNotSeenForLongest() throws IOException {
        cache.keep(learnt(kernel), NEEDS);
        for (int i = 0; i < 500; i++) {
            cache.keepNote(GuestUri.parse("file:" + i), "note\n");
        }
        for (Path file : files()) {
            Files.setLastModifiedTime(file, FileTime.fromMillis(file.getFileName().toString().startsWith("guest-") ? 2 : 1));
        }
        cache.keepNote(GuestUri.parse("file:new"), "new\n");
        assertThat(files()).hasSize(501);
        assertThat(cache.recallNote(GuestUri.parse("file:new"))).isPresent();
        assertThat(cache.recall(kernel, NEEDS)).as("what was learnt of builds stays").isPresent();
    }

    @Test
    void anotherBuildAndOtherNeedsAreNotAnswered() {
        cache.keep(learnt(kernel), NEEDS);
        assertThat(cache.recall(kernel("6.1.0-a", "Linux version 6.1.0-a #2", "00ff"), NEEDS)).isEmpty();
        assertThat(cache.recall(kernel("6.1.0-a", kernel.banner(), "00fe"), NEEDS)).isEmpty();
        assertThat(cache.recall(kernel("6.1.0-b", kernel.banner(), "00ff"), NEEDS)).isEmpty();
        assertThat(cache.recall(kernel, new Needs(Set.of("init_task", "jiffies"), NEEDS.members()))).isEmpty();
        assertThat(cache.recall(kernel, NEEDS)).isPresent();
    }

    @Test
    void aFileOfAnotherBuildUnderThisOnesNameIsThrownAway() throws IOException {
        cache.keep(learnt(kernel), NEEDS);
        Path file = files().get(0);
        new FolderProfiles(folder).write(learnt(kernel("6.1.0-a", "Linux version 6.1.0-a #2", "00ff")), file);
        assertThat(cache.recall(kernel, NEEDS)).isEmpty();
        assertThat(file).doesNotExist();
    }

    @Test
    void whatIsNoProfileIsThrownAway() throws IOException {
        for (String text : new String[] {"", "schema: 1\n", "!!java.lang.Runtime {}", "a: &a [*a]", "\0\0\0",
            "schema: 1\nkernel:\n  release: '" + "x".repeat(TextFile.LARGEST) + "'\n"}) {
            cache.keep(learnt(kernel), NEEDS);
            Path file = files().get(0);
            Files.writeString(file, text);
            assertThat(cache.recall(kernel, NEEDS)).isEmpty();
            assertThat(file).doesNotExist();
        }
    }

    /** In a container with {@code --user 4711} the JDK calls the user "?". */
    @Test
    void aUserWithoutANameHasACache() {
        String name = System.getProperty("user.name");
        System.setProperty("user.name", "?");
        try {
            cache.keep(learnt(kernel), NEEDS);
            assertThat(cache.recall(kernel, NEEDS)).isPresent();
        } finally {
            System.setProperty("user.name", name);
        }
    }

    @Test
    void whatOthersCanWriteIsNotRead() throws IOException {
        cache.keep(learnt(kernel), NEEDS);
        Path file = files().get(0);
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw----"));
        assertThat(cache.recall(kernel, NEEDS)).isEmpty();
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        assertThat(cache.recall(kernel, NEEDS)).isPresent();
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
        assertThat(cache.recall(kernel, NEEDS)).isEmpty();
        Files.delete(file);
        cache.keep(learnt(kernel), NEEDS);
        assertThat(files()).as("nothing is written there").isEmpty();
    }

    @Test
    void aLinkIsNotFollowed() throws IOException {
        cache.keep(learnt(kernel), NEEDS);
        Path file = files().get(0);
        Path elsewhere = Files.move(file, parent.resolve("elsewhere.yaml"));
        Files.createSymbolicLink(file, elsewhere);
        assertThat(cache.recall(kernel, NEEDS)).isEmpty();
    }

    /** A release comes from a guest. */
    @Test
    void aReleaseThatIsAPathStaysInTheFolder() throws IOException {
        KernelIdentity hostile = kernel("../../../etc/x\u0000y", "Linux version", "00ff");
        cache.keep(learnt(hostile), NEEDS);
        assertThat(parent.resolve("a/b")).isDirectoryContaining(path -> path.equals(folder));
        assertThat(files()).allSatisfy(file -> assertThat(file.getFileName().toString()).doesNotContain("/")
                .startsWith("_"));
    }

    @Test
    void canBeSwitchedOffAndPutElsewhere() {
        cache.keep(learnt(kernel), NEEDS);
        cache.enable(false);
        assertThat(cache.folder()).isEmpty();
        assertThat(cache.recall(kernel, NEEDS)).isEmpty();
        cache.enable(true);
        assertThat(cache.recall(kernel, NEEDS)).isPresent();
        Map<String, String> environment = Map.of("XDG_CACHE_HOME", "/caches", "HOME", "/home/me");
        assertThat(LearntProfiles.folder("off", environment)).isEmpty();
        assertThat(LearntProfiles.folder("/there", environment)).contains(Path.of("/there"));
        assertThat(LearntProfiles.folder(null, environment)).contains(Path.of("/caches/xenhpt/profiles"));
        assertThat(LearntProfiles.folder("", Map.of("HOME", "/home/me")))
                .contains(Path.of("/home/me/.cache/xenhpt/profiles"));
        assertThat(LearntProfiles.folder(null, Map.of("XDG_CACHE_HOME", "relative"))).isEmpty();
    }

    @Test
    void aFolderThatCannotBeWrittenIsNoFailure() throws IOException {
        Files.writeString(parent.resolve("a"), "a file");
        cache.keep(learnt(kernel), NEEDS);
        assertThat(cache.recall(kernel, NEEDS)).isEmpty();
    }
}
