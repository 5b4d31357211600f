// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileImporter;
import org.xenhpt.api.profile.ProfileStore;
import org.xenhpt.api.profile.StructLayout;

class ProfileCommandsTest {
    private static final String BANNER = "Linux version 6.1.0-x (gcc) #1 SMP";

    private final FakePlatform platform = new FakePlatform();
    @TempDir
    private Path folder;

    /** Takes files of one ending for a profile. */
    private record Importer(String format, String ending, Profile profile) implements ProfileImporter {
        @Override
        public boolean accepts(Path file) {
            return file.toString().endsWith(ending);
        }

        @Override
        public Profile read(Path file, Needs needs) {
            return profile;
        }
    }

    private static Profile profile(String release, String banner, Map<String, Long> symbols,
            Map<String, StructLayout> structs) {
        return new Profile(release, new KernelMatch(Architecture.X86_64, release, banner, ""),
                new Origin(symbols.isEmpty() ? "btf" : "system-map", "a file", "2026-01-01"), symbols, structs,
                Map.of("PF_KTHREAD", 0x200000L));
    }

    private static final Profile LAYOUTS = profile("", "", Map.of(),
            Map.of("task_struct", new StructLayout(9000, Map.of("pid", new Member(1000, 4, "int")))));
    private static final Profile SYMBOLS = profile("", "", Map.of("init_task", 0xffffffff82a00000L), Map.of());

    @BeforeEach
    void files() throws IOException {
        platform.folder = folder;
        platform.sessions.bindStore(platform);
        for (String name : List.of("a.btf", "System.map", "other.txt")) {
            Files.createFile(folder.resolve(name));
        }
        platform.importers.add(new Importer("btf", ".btf", LAYOUTS));
        platform.importers.add(new Importer("system-map", ".map", SYMBOLS));
    }

    private int make(String... more) {
        String[] args = new String[more.length + 5];
        args[0] = "profile";
        args[1] = "make";
        args[2] = "--from";
        args[3] = folder.resolve("a.btf").toString();
        args[4] = folder.resolve("System.map").toString();
        System.arraycopy(more, 0, args, 5, more.length);
        return platform.hpt(args);
    }

    @Test
    void filesArePutTogether() {
        assertThat(make("--banner", BANNER + "\n")).isZero();
        Profile made = platform.written.get(folder.resolve("6.1.0-x.yaml"));
        assertThat(made.kernel()).isEqualTo(new KernelMatch(Architecture.X86_64, "6.1.0-x", BANNER, ""));
        assertThat(made.symbols()).containsKey("init_task");
        assertThat(made.member("task_struct", "pid")).isPresent();
        assertThat(made.origin().source()).isEqualTo("btf + system-map");
        assertThat(platform.err()).contains("wrote " + folder.resolve("6.1.0-x.yaml"));
    }

    @Test
    void aGuestIsAskedForMoreAndWhatItLacksIsSaid() {
        platform.learnt = Optional.of(profile("6.1.0-x", BANNER, Map.of("init_task", 1L), LAYOUTS.structs()));
        assertThat(platform.hpt("profile", "make", "fake:a", "--also", "init_task,jiffies,task_struct.pid",
                "--also", "task_struct.nice,cred.*,task_struct.*,*")).isZero();
        assertThat(platform.wanted).singleElement().satisfies(needs -> {
            assertThat(needs.symbols()).containsExactlyInAnyOrder("init_task", "jiffies", "*");
            assertThat(needs.members()).containsExactlyInAnyOrder("task_struct.pid", "task_struct.nice", "cred.*",
                    "task_struct.*");
        });
        assertThat(platform.err()).contains("warning: not found by system-map: jiffies, task_struct.nice, cred.*\n");
        assertThat(platform.written).containsOnlyKeys(folder.resolve("6.1.0-x.yaml"));
    }

    @Test
    void whatWasConcludedIsSaidToBe() {
        Profile sure = profile("6.1.0-x", BANNER, Map.of("init_task", 1L), LAYOUTS.structs());
        platform.learnt = Optional.of(new Profile(sure.name(), sure.kernel(), new Origin("inference", "fake:a", "", 0.9),
                sure.symbols(), sure.structs(), sure.constants()));
        assertThat(platform.hpt("profile", "make", "fake:a")).isZero();
        assertThat(platform.err()).contains("by inference: NOT CERTAIN, confidence 0.9");
    }

    @Test
    void theKernelMustBeKnown() {
        assertThat(make()).isEqualTo(2);
        assertThat(platform.err()).contains("--release");
        assertThat(make("--release", "6.1.0-x")).isEqualTo(2);
        assertThat(platform.err()).contains("--banner");
        assertThat(platform.written).isEmpty();
    }

    @Test
    void nothingIsWrittenOverUnlessForced() throws IOException {
        Path file = Files.createFile(folder.resolve("6.1.0-x.yaml"));
        assertThat(make("--banner", BANNER)).isEqualTo(Reason.FILE.exitCode());
        assertThat(platform.err()).contains("--force");
        assertThat(make("--banner", BANNER, "--force")).isZero();
        assertThat(platform.written).containsOnlyKeys(file);
    }

    @Test
    void aReleaseIsNoPath() {
        assertThat(make("--release", "../../etc/x y", "--banner", "b")).isZero();
        assertThat(platform.written.keySet()).singleElement().satisfies(file -> {
            assertThat(file.getParent()).isEqualTo(folder);
            assertThat(file.getFileName().toString()).isEqualTo("__.._etc_x_y.yaml");
        });
    }

    @Test
    void filesOfDifferentKernelsAreRefused() throws IOException {
        Files.createFile(folder.resolve("x.one"));
        Files.createFile(folder.resolve("x.two"));
        platform.importers.add(new Importer("one", ".one", profile("6.1.0", "b", Map.of(), Map.of())));
        platform.importers.add(new Importer("two", ".two", profile("6.2.0", "b", Map.of(), Map.of())));
        assertThat(platform.hpt("profile", "make", "--from", folder.resolve("x.one").toString(), "--from",
                folder.resolve("x.two").toString())).isEqualTo(Reason.BAD_PROFILE.exitCode());
        assertThat(platform.err()).contains("release '6.2.0', not '6.1.0'");
    }

    @Test
    void aFileOfNoKnownFormatIsNamedWithTheFormats() {
        assertThat(platform.hpt("profile", "make", "--from", folder.resolve("other.txt").toString()))
                .isEqualTo(Reason.FILE.exitCode());
        assertThat(platform.err()).contains("other.txt").contains("btf, system-map");
        assertThat(platform.hpt("profile", "make")).isEqualTo(2);
        assertThat(platform.hpt("profile", "make", "qemu:a", "--from", "x")).isEqualTo(2);
        assertThat(platform.hpt("profile")).isEqualTo(2);
    }

    @Test
    void checkPrintsWhereAndGivesACode() throws IOException {
        Path good = Files.createFile(folder.resolve("good.yaml"));
        platform.profiles.put(good, new ProfileStore.Entry(good, Optional.of(SYMBOLS), List.of()));
        assertThat(platform.hpt("profile", "check", good.toString())).isZero();
        Path bad = Files.createFile(folder.resolve("bad.yaml"));
        assertThat(platform.hpt("profile", "check", folder.toString())).isEqualTo(Reason.BAD_PROFILE.exitCode());
        assertThat(platform.out()).isEqualTo(bad + ":3:7: is not YAML\n");
        assertThat(platform.err()).contains("2 profiles checked, 1 problem");
    }

    @Test
    void listAndShowTellWhatIsThere() throws IOException {
        Profile whole = profile("6.1.0-x", BANNER, SYMBOLS.symbols(), LAYOUTS.structs());
        Path file = folder.resolve("6.1.0-x.yaml");
        platform.profiles.put(file, new ProfileStore.Entry(file, Optional.of(whole), List.of()));
        assertThat(platform.hpt("profile", "list")).isZero();
        assertThat(platform.out()).contains("6.1.0-x x86-64 ?        system-map 6.1.0-x.yaml");
        FakePlatform other = new FakePlatform();
        other.profiles.putAll(platform.profiles);
        assertThat(other.hpt("profile", "show", "6.1.0-x", "--json")).isZero();
        JsonNode all = new ObjectMapper().readTree(other.out());
        assertThat(all.toString()).contains("{\"kind\":\"symbol\",\"name\":\"init_task\",\"value\":\"0xffffffff82a00000\","
                + "\"size\":null,\"type\":null}").contains("{\"kind\":\"member\",\"name\":\"task_struct.pid\","
                + "\"value\":1000,\"size\":4,\"type\":\"int\"}");
        assertThat(other.hpt("profile", "show", "nosuch")).isEqualTo(Reason.FILE.exitCode());
    }
}
