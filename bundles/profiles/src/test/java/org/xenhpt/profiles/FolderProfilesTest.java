// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileStore.Entry;
import org.xenhpt.api.profile.StructLayout;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.PagingMode;

class FolderProfilesTest {
    @TempDir
    Path folder;
    private FolderProfiles profiles;

    @BeforeEach
    void open() {
        // Who may write, the umask says here; FolderWatchTest has what becomes of it.
        profiles = FolderProfiles.trusting(folder);
    }

    private static Profile profile(String release, String banner, String buildId, Map<String, Long> symbols) {
        return new Profile(release, new KernelMatch(Architecture.X86_64, release, banner, buildId),
                new Origin("hand", "a test", "2026-11-21"), symbols,
                Map.of("task_struct", new StructLayout(9792, Map.of("pid", new Member(1448, 4, "int")))), Map.of());
    }

    private static KernelIdentity kernel(String release, String banner, String buildId) {
        return new KernelIdentity(release, banner, buildId, Architecture.X86_64, PagingMode.values()[0], 0, 0, 0, 0, 0,
                Map.of(), List.of());
    }

    private Optional<Profile> find(KernelIdentity kernel) {
        return profiles.find(null, kernel, null, Needs.NONE, Progress.NONE);
    }

    @Test
    void readsBackWhatItWrote() throws IOException {
        Map<String, Member> members = new LinkedHashMap<>();
        members.put("tasks", new Member(0, 16, "struct list_head"));
        members.put("parent", new Member(16, 8, "struct task_struct *"));
        members.put("in_execve", new Member(24, 4, "unsigned int : 1 @ 0"));
        members.put("comm", new Member(32, 16, "char[16]"));
        members.put("on", new Member(48, 0, "struct upid[]"));
        members.put("null", new Member(48, 8, "void (*)(const char *, ...)"));
        Profile all = new Profile("all", new KernelMatch(Architecture.X86_64, "6.1",
                "Linux version 6.1 (a@b) (gcc: 'x' \"y\", #1) \\ {z} \u00fc \u001b[31m \t\u2028", "0e11"),
                new Origin("btf + inference", "a, b: c", "2026-11-21", 0.93),
                Map.of("_text", 0xffffffff81000000L, "zero", 0L, "__func__.12", 1L, "y", 2L, "a: b", 3L, "\u00e9", 4L, "12", 5L,
                        "#x", 6L, "-", 7L),
                Map.of("task_struct", new StructLayout(64, members), "empty", new StructLayout(0, Map.of()),
                        "union dentry__d_u", new StructLayout(1, Map.of())),
                Map.of("MIN", Long.MIN_VALUE, "MAX", Long.MAX_VALUE, "none", -1L));
        Path file = folder.resolve("all.yaml");
        profiles.write(all, file);
        Entry entry = profiles.read(file);
        assertThat(entry.problems()).isEmpty();
        assertThat(entry.profile()).contains(all);
        assertThat(entry.profile().get().structs().get("task_struct").members().keySet())
                .containsExactly("tasks", "parent", "in_execve", "comm", "null", "on");
        byte[] first = Files.readAllBytes(file);
        profiles.write(entry.profile().get(), file);
        assertThat(Files.readAllBytes(file)).isEqualTo(first);
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).containsExactly(file);
        }
    }

    @Test
    void readsBackAnyName() {
        Random random = new Random(7);
        String alphabet = "ab_0 .:#'\"{}[],&*!|>%@`-?~\\/=<+\u00e9\u4e2d$y";
        for (int round = 0; round < 300; round++) {
            Map<String, Long> symbols = new HashMap<>();
            Map<String, Member> members = new HashMap<>();
            for (int i = 0; i < 5; i++) {
                StringBuilder name = new StringBuilder();
                for (int n = 1 + random.nextInt(6); n > 0; n--) {
                    name.append(alphabet.charAt(random.nextInt(alphabet.length())));
                }
                symbols.put(name.toString(), random.nextLong());
                members.put(name.toString(), new Member(i, 1, name.toString()));
            }
            Profile odd = new Profile("odd", new KernelMatch(Architecture.X86_64, "r", symbols.toString(), ""),
                    new Origin("hand", symbols.keySet().iterator().next(), ""), symbols,
                    Map.of("s", new StructLayout(9, members)), Map.copyOf(symbols));
            profiles.write(odd, folder.resolve("odd.yaml"));
            assertThat(profiles.read(folder.resolve("odd.yaml"))).isEqualTo(
                    new Entry(folder.resolve("odd.yaml"), Optional.of(odd), List.of()));
        }
    }

    @Test
    void refusesToWriteWhatItCouldNotRead() {
        for (Profile bad : List.of(profile("", "b", "", Map.of()), profile("6.1", "", "", Map.of("a\nb", 1L)),
                profile("6.1", "", "", Map.of("\ud800", 1L)), profile("6.1", "", "xyz", Map.of()))) {
            assertThatThrownBy(() -> profiles.write(bad, folder.resolve("bad.yaml"))).isInstanceOf(HptException.class)
                    .hasMessageContaining("is not a complete profile");
        }
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void leavesNothingBehindWhenItCannotWrite() throws IOException {
        Path file = folder.resolve("is-a-folder.yaml");
        Files.createDirectories(file.resolve("not-empty"));
        assertThatThrownBy(() -> profiles.write(profile("6.1", "b", "", Map.of()), file))
                .isInstanceOfSatisfying(HptException.class, e -> assertThat(e.reason()).isEqualTo(Reason.FILE));
        try (Stream<Path> left = Files.list(folder)) {
            assertThat(left).containsExactly(file);
        }
    }

    @Test
    void findsTheBuildAndNoOther() {
        profiles.write(profile("6.1", "banner one", "aa", Map.of()), folder.resolve("one.yaml"));
        profiles.write(profile("6.1", "banner two", "bb", Map.of()), folder.resolve("two.yaml"));
        profiles.write(profile("6.1", "", "", Map.of()), folder.resolve("nameless.yaml"));
        profiles.write(profile("6.12", "banner", "cc", Map.of()), folder.resolve("other.yaml"));
        assertThat(find(kernel("6.1", "banner two", "bb"))).map(Profile::name).contains("two");
        assertThat(find(kernel("6.1", "banner one", ""))).map(Profile::name).contains("one");
        assertThat(find(kernel("6.1", "banner three", "dd"))).isEmpty();
        assertThat(find(kernel("6.12", "", "cc"))).map(Profile::name).contains("other");
        assertThat(find(kernel("7.2", "banner", "cc"))).isEmpty();
    }

    @Test
    void takesTheOneThatTellsMore() {
        profiles.write(profile("6.1", "b", "", Map.of("a", 1L)), folder.resolve("1.yaml"));
        profiles.write(profile("6.1", "b", "", Map.of("a", 1L, "b", 2L)), folder.resolve("2.yml"));
        profiles.write(profile("6.1", "b", "", Map.of("a", 1L, "c", 2L)), folder.resolve("3.yaml"));
        assertThat(find(kernel("6.1", "b", ""))).map(Profile::name).contains("2");
    }

    @Test
    void aBrokenFileHidesNoGoodOne() throws IOException {
        Files.writeString(folder.resolve("0.yaml"), "schema: 1\nkernel: {release: '6.1', architecture: what}\n");
        Files.write(folder.resolve("1.yaml"), new byte[] {'6', '.', '1', (byte) 0xff});
        Files.createDirectory(folder.resolve("2.yaml"));
        profiles.write(profile("6.1", "b", "", Map.of()), folder.resolve("9.yaml"));
        assertThat(find(kernel("6.1", "b", ""))).map(Profile::name).contains("9");
        List<Entry> all = profiles.list();
        assertThat(all).extracting(e -> e.file().getFileName().toString())
                .containsExactly("0.yaml", "1.yaml", "2.yaml", "9.yaml");
        assertThat(all).extracting(e -> e.profile().isPresent()).containsExactly(false, false, false, true);
        assertThat(all.get(1).problems().toString()).contains("1.yaml:1:4: is not UTF-8 text");
        assertThat(all.get(2).problems().toString()).contains("is a folder, not a file");
    }

    @Test
    void findsTheReleaseBehindALongCommentAndInEscapes() throws IOException {
        Files.writeString(folder.resolve("late.yaml"), "# long\n".repeat(5000)
                + "schema: 1\nkernel: {release: '6.1', architecture: x86-64, banner: b}\n");
        assertThat(find(kernel("6.1", "b", ""))).map(Profile::name).contains("late");
        Files.delete(folder.resolve("late.yaml"));
        Files.writeString(folder.resolve("escaped.yaml"),
                "schema: 1\nkernel: {release: \"6\\x2e1\", architecture: x86-64, banner: b}\n");
        assertThat(find(kernel("6.1", "b", ""))).map(Profile::name).contains("escaped");
    }

    @Test
    void readsNoOtherKernelsFileWhole() throws IOException {
        // Would be refused for its size, were it read: 20 MiB, of which the head tells that it is for another release.
        Path huge = folder.resolve("huge.yaml");
        Files.writeString(huge, "schema: 1\nkernel:\n  release: 5.10\n" + "# x\n".repeat(4096));
        try (RandomAccessFile file = new RandomAccessFile(huge.toFile(), "rw")) {
            file.setLength(20 << 20);
        }
        assertThat(find(kernel("6.1", "b", ""))).isEmpty();
        assertThat(profiles.read(huge).problems().toString()).contains("is larger than 16 MiB");
    }

    @Test
    void readsAgainWhatChangedAndOnlyThat() throws IOException {
        Path file = folder.resolve("a.yaml");
        profiles.write(profile("6.1", "b", "", Map.of("a", 1L)), file);
        FileTime past = FileTime.from(Instant.now().minusSeconds(60));
        Files.setLastModifiedTime(file, past);
        Entry first = profiles.read(file);
        assertThat(profiles.read(file)).isSameAs(first);
        assertThat(profiles.list()).first().isSameAs(first);
        assertThat(find(kernel("6.1", "b", ""))).containsSame(first.profile().get());
        String other = Files.readString(file).replace("a: 0x1", "a: 0x2");
        Files.writeString(file, other);
        assertThat(profiles.read(file).profile().get().symbols()).containsEntry("a", 2L);
        // The same size and time, and yet another file.
        Path replacement = folder.resolve("b.tmp");
        Files.writeString(replacement, other.replace("a: 0x2", "a: 0x3"));
        Files.setLastModifiedTime(file, past);
        assertThat(profiles.read(file).profile().get().symbols()).containsEntry("a", 2L);
        Files.setLastModifiedTime(replacement, past);
        Files.move(replacement, file, StandardCopyOption.REPLACE_EXISTING);
        assertThat(profiles.read(file).profile().get().symbols()).containsEntry("a", 3L);
        Files.delete(file);
        assertThat(profiles.read(file).problems().toString()).contains("no such file");
        assertThat(profiles.list()).isEmpty();
    }

    @Test
    void usesAnotherFolder(@TempDir Path second) {
        profiles.write(profile("6.1", "b", "", Map.of()), second.resolve("x.yaml"));
        assertThat(profiles.list()).isEmpty();
        profiles.use(second);
        assertThat(profiles.folder()).isEqualTo(second);
        assertThat(profiles.list()).hasSize(1);
    }

    @Test
    void anEarlierFolderGoesBeforeALaterOne(@TempDir Path shipped) {
        profiles = new FolderProfiles(folder, shipped);
        profiles.write(profile("6.1.0", "banner", "", Map.of("a", 1L, "b", 2L)), shipped.resolve("6.1.0.yaml"));
        profiles.write(profile("5.10.0", "older", "", Map.of("c", 3L)), shipped.resolve("5.10.0.yaml"));
        assertThat(find(kernel("6.1.0", "banner", "")).orElseThrow().symbols()).containsKeys("a", "b");
        Profile own = profile("6.1.0", "banner", "", Map.of("a", 5L));
        profiles.write(own, profiles.folder().resolve("6.1.0.yaml"));
        assertThat(find(kernel("6.1.0", "banner", "")).orElseThrow().symbols()).isEqualTo(Map.of("a", 5L));
        assertThat(find(kernel("5.10.0", "older", ""))).isPresent();
        assertThat(profiles.list()).extracting(entry -> entry.file()).containsExactly(folder.resolve("6.1.0.yaml"),
                shipped.resolve("5.10.0.yaml"), shipped.resolve("6.1.0.yaml"));
        profiles.use(shipped);
        assertThat(profiles.list()).hasSize(2);
        profiles.use(List.of(folder, shipped));
        assertThat(profiles.list()).hasSize(3);
    }

    @Test
    void saysThatTheFolderIsMissing() {
        profiles.use(folder.resolve("nowhere"));
        assertThat(find(kernel("6.1", "b", ""))).isEmpty();
        assertThatThrownBy(() -> profiles.list()).isInstanceOf(HptException.class)
                .hasMessageContaining("nowhere: the profiles folder cannot be read: it does not exist");
    }

    @Test
    void doesNotWaitAtAPipe() throws Exception {
        Path pipe = folder.resolve("pipe.yaml");
        Process mkfifo = new ProcessBuilder("mkfifo", pipe.toString()).start();
        assertThat(mkfifo.waitFor()).isZero();
        assertTimeoutPreemptively(Duration.ofSeconds(30), () -> {
            assertThat(find(kernel("6.1", "b", ""))).isEmpty();
            assertThat(profiles.list().get(0).problems().toString()).contains("is not a regular file");
        });
    }

    @Test
    void readsAFileWithAByteOrderMark() throws IOException {
        Path file = folder.resolve("bom.yaml");
        Files.write(file, ("\ufeff" + ProfileReaderTest.GOOD).getBytes(StandardCharsets.UTF_8));
        assertThat(profiles.read(file).problems()).isEmpty();
    }
}
