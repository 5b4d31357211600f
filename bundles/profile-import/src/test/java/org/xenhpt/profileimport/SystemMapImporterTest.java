// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileImporter;

class SystemMapImporterTest extends ImportTest {
    private static final Needs WANTED = symbols("_text", "init_task", "current_task", "twice", "absent");

    @Override
    ProfileImporter importer() {
        return new SystemMapImporter();
    }

    @Test
    void readsASystemMap() {
        Path map = file("System.map-6.1.0-50-amd64", """
                0000000000000000 D __per_cpu_start
                000000000001fbc0 D current_task
                ffffffff81000000 T _text
                ffffffff81000010 t twice
                ffffffff81000020 t unwanted
                ffffffff81000030 T twice
                ffffffff81000040 t twice
                ffffffff82a13a40 D init_task
                """);
        assertThat(importer().accepts(map)).isTrue();
        Profile profile = read(map, WANTED);
        assertThat(profile.symbols()).isEqualTo(Map.of("_text", 0xffffffff81000000L, "current_task", 0x1fbc0L,
                "twice", 0xffffffff81000030L, "init_task", 0xffffffff82a13a40L));
        assertThat(profile.kernel().release()).isEqualTo("6.1.0-50-amd64");
        assertThat(profile.kernel().architecture()).isEqualTo(Architecture.X86_64);
        assertThat(profile.origin().source()).isEqualTo("system-map");
        assertThat(profile.origin().from()).isEqualTo("System.map-6.1.0-50-amd64");
        assertThat(read(map, Needs.ALL).symbols()).hasSize(6).containsKey("unwanted");
    }

    @Test
    void readsAnI386OneWhereverItIsLinked() {
        String text = "c0400000 T _text\r\nc0668300 D init_task\r\n";
        Profile profile = read(file("System.map-2.6.18", text), WANTED);
        assertThat(profile.kernel().architecture()).isEqualTo(Architecture.I386);
        assertThat(profile.symbols()).isEqualTo(Map.of("_text", 0xc0400000L, "init_task", 0xc0668300L));
        // The name says that it is a build's own, so that nothing can have been moved.
        assertThat(read(file("System.map-x", "c5000000 T _text\n"), WANTED).symbols()).containsEntry("_text", 0xc5000000L);
    }

    @Test
    void undoesWhatKaslrDidToKallsyms() {
        String text = """
                0000000000000000 A __per_cpu_start
                000000000001fbc0 A current_task
                ffffffff9e200000 T _text
                ffffffff9fc13a40 D init_task
                ffffffffc0001000 t init_task\t[module]
                """;
        for (String name : new String[] {"kallsyms.txt", "symbols.txt"}) {
            Profile old = read(file(name, text), WANTED);
            assertThat(old.symbols()).isEqualTo(Map.of("_text", 0xffffffff81000000L, "current_task", 0x1fbc0L,
                    "init_task", 0xffffffff82a13a40L));
            assertThat(old.origin().from()).isEqualTo(name + " (moved back by KASLR's 0x1d200000)");
            assertThat(old.kernel().release()).isEmpty();
        }
        // Since 6.15 per-CPU symbols are addresses in the image.
        Profile recent = read(file("kallsyms", text.replace("000000000001fbc0 A", "ffffffffa0e1fbc0 D")), WANTED);
        assertThat(recent.symbols()).containsEntry("current_task", 0xffffffff83c1fbc0L);
        Profile narrow = read(file("kallsyms", "c9000000 T _text\nc9c13a40 D init_task\n00000010 A current_task\n"), WANTED);
        assertThat(narrow.symbols()).isEqualTo(
                Map.of("_text", 0xc1000000L, "init_task", 0xc1c13a40L, "current_task", 0x10L));
    }

    @Test
    void leavesUnmovedKallsymsAlone() {
        Profile profile = read(file("kallsyms", "ffffffff81000000 T _text\nffffffff82a13a40 D init_task\n"), WANTED);
        assertThat(profile.symbols()).containsEntry("init_task", 0xffffffff82a13a40L);
        assertThat(profile.origin().from()).isEqualTo("kallsyms");
    }

    @Test
    void refusesAddressesThatKaslrCannotHaveMade() {
        failure(file("kallsyms", "ffffffff81001234 T _text\n"), WANTED)
                .hasMessageContaining("has _text at 0xffffffff81001234, to where KASLR cannot have moved it");
        failure(file("kallsyms", "ffffffff81000010 T start\nffffffff82a13a40 D init_task\n"), WANTED)
                .hasMessageContaining("does not list _text");
        failure(file("System.map-arm64", "ffff800080000000 T _text\n"), WANTED)
                .hasMessageContaining("has _text at 0xffff800080000000, where no x86 kernel lies");
    }

    @Test
    void saysThatAddressesAreHidden() {
        failure(file("kallsyms", "0000000000000000 T _text\n0000000000000000 D init_task\n"), WANTED)
                .hasMessageContaining("only addresses of zero").hasMessageContaining("as root");
        failure(file("kallsyms", "          (null) T _text\n          (null) D init_task\n"), WANTED)
                .hasMessageContaining("only addresses of zero");
    }

    @Test
    void unpacksGzip() throws IOException {
        Path packed = gzip("System.map-5.10.gz", "ffffffff81000000 T _text\n".repeat(1000));
        assertThat(importer().accepts(packed)).isTrue();
        assertThat(read(packed, WANTED).kernel().release()).isEqualTo("5.10");
        byte[] whole = Files.readAllBytes(packed);
        failure(file("cut.gz", Arrays.copyOf(whole, whole.length - 20)), WANTED).hasMessageContaining("is cut off");
        failure(file("damaged.gz", new byte[] {0x1f, (byte) 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), WANTED)
                .hasMessageContaining("is damaged");
    }

    @Test
    void stopsInABomb() throws IOException {
        Path bomb = folder.resolve("bomb.gz");
        byte[] lines = ("ffffffff81000000 T " + "x".repeat(60_000) + "\n").repeat(10)
                .getBytes(StandardCharsets.US_ASCII);
        try (GZIPOutputStream out = new GZIPOutputStream(Files.newOutputStream(bomb))) {
            for (int i = 0; i < 230; i++) {
                out.write(lines);
            }
        }
        failure(bomb, WANTED).hasMessageContaining("more than 128 MiB of content");
        failure(gzip("one-line.gz", "f".repeat(10 << 20)), WANTED).hasMessageContaining("one-line.gz:1: the line is longer");
    }

    @ParameterizedTest
    @ValueSource(strings = {"no symbols here", "ffffffff81000000", "ffffffff81000000 T", "ffffffff81000000 T ",
        "ffffffff8100000g T x", "fff81000000 T x", "ffffffff81000000  T x", "c1000000 T x", "  ", "ffffffff81000000 T  x",
        "(nul) T x", "\u0000\u0001\u0002\u0003"})
    void saysWhichLineIsMalformed(String line) {
        String text = "ffffffff81000000 T _text\n\n" + line + "\nffffffff82a13a40 D init_task\n";
        if (line.isBlank()) {
            assertThat(read(file("System.map", text), WANTED).symbols()).hasSize(2);
        } else {
            failure(file("System.map", text), WANTED).hasMessageContaining("System.map:3: is not 'address type name'");
        }
    }

    @Test
    void refusesWhatIsNoFileOfTheKind() {
        failure(folder.resolve("nowhere"), WANTED).hasMessageContaining("no such file");
        failure(folder, WANTED).hasMessageContaining("not a regular file");
        failure(file("empty", ""), WANTED).hasMessageContaining("has no symbols");
        failure(file("long", "f".repeat(10 << 20)), WANTED).hasMessageContaining("long:1: the line is longer than 64 KiB");
        for (Path other : new Path[] {folder, folder.resolve("nowhere"), file("e", ""), file("j", "{}"),
                file("b", new byte[5000])}) {
            assertThat(importer().accepts(other)).isFalse();
        }
    }
}
