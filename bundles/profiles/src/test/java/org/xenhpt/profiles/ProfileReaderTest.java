// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileProblem;

class ProfileReaderTest {
    static final String GOOD = """
            # comments are allowed
            schema: 1
            kernel:
              release: 6.1.0-50-amd64
              architecture: x86-64
              banner: 'Linux version 6.1.0-50-amd64 (debian) #1 SMP'
              build-id: 00ff
            origin: {source: hand, from: me, made: 2026-11-21}
            symbols:
              init_task: 0xffffffff82a13a40
              current_task: 0x1fbc0
            structs:
              task_struct:
                size: 9792
                members:
                  comm: {offset: 2968, size: 16, type: 'char[16]'}
                  tasks: {offset: 0x8b0, size: 16, type: struct list_head}
              list_head: {size: 16, members: {next: {offset: 0, size: 8, type: struct list_head *}, prev: {offset: 8, size: 8}}}
            constants:
              PIDTYPE_TGID: 1
              NEGATIVE: -22
            """;

    private final Problems problems = new Problems("p.yaml");

    private Optional<Profile> read(String text) {
        return assertTimeoutPreemptively(Duration.ofSeconds(120), () -> ProfileReader.read("p", text, problems));
    }

    private List<String> problemsOf(String text) {
        assertThat(read(text)).isEmpty();
        return problems.list().stream().map(ProfileProblem::toString).toList();
    }

    private static String change(String from, String to) {
        assertThat(GOOD).contains(from);
        return GOOD.replace(from, to);
    }

    @Test
    void readsAllOfIt() {
        Profile profile = read(GOOD).orElseThrow();
        assertThat(problems.list()).isEmpty();
        assertThat(profile.name()).isEqualTo("p");
        assertThat(profile.kernel().release()).isEqualTo("6.1.0-50-amd64");
        assertThat(profile.kernel().architecture()).isEqualTo(Architecture.X86_64);
        assertThat(profile.kernel().banner()).isEqualTo("Linux version 6.1.0-50-amd64 (debian) #1 SMP");
        assertThat(profile.kernel().buildId()).isEqualTo("00ff");
        assertThat(profile.origin().made()).isEqualTo("2026-11-21");
        assertThat(profile.symbols()).containsEntry("init_task", 0xffffffff82a13a40L)
                .containsEntry("current_task", 0x1fbc0L);
        assertThat(profile.structs().get("task_struct").size()).isEqualTo(9792);
        assertThat(profile.structs().get("task_struct").members().keySet()).containsExactly("tasks", "comm");
        assertThat(profile.member("task_struct", "tasks.prev")).contains(new Member(0x8b8, 8, ""));
        assertThat(profile.constants()).containsEntry("NEGATIVE", -22L).containsEntry("PIDTYPE_TGID", 1L);
    }

    @Test
    void needsNoMoreThanTheKernel() {
        Profile profile = read("schema: 1\nkernel: {release: '6.1', architecture: i386}\nsymbols:\n").orElseThrow();
        assertThat(profile.symbols()).isEmpty();
        assertThat(profile.kernel().banner()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "schema: 1                   | schema: 2            | p.yaml:2:9: schema 2 is newer than this hpt, which reads schema 1",
        "schema: 1                   | schema: one          | p.yaml:2:9: schema must be 1, not 'one'",
        "schema: 1                   | shema: 1             | p.yaml:2:1: a profile must begin with 'schema: 1', not with 'shema'",
        "release: 6.1.0-50-amd64     | relase: 6.1          | p.yaml:4:3: unknown field 'relase'; did you mean 'release'?",
        "architecture: x86-64        | architecture: x86_64 | p.yaml:5:17: unknown architecture 'x86_64'; did you mean 'x86-64'?",
        "architecture: x86-64        | architecture: [i386] | p.yaml:5:17: architecture must be a single value, not a list",
        "build-id: 00ff              | build-id: 00FF       | p.yaml:7:13: build-id must be lower-case hexadecimal, an even number of digits",
        "symbols:                    | symbol:              | p.yaml:9:1: unknown section 'symbol'; did you mean 'symbols'?",
        "0xffffffff82a13a40          | ffffffff82a13a40     | p.yaml:10:14: the address of init_task must be hexadecimal with 0x, at most 64 bits, not 'ffffffff82a13a40'",
        "0xffffffff82a13a40          | 0x1ffffffff82a13a40  | p.yaml:10:14: the address of init_task must be hexadecimal with 0x, at most 64 bits, not '0x1ffffffff82a13a40'",
        "0xffffffff82a13a40          | 81000000             | p.yaml:10:14: the address of init_task must be hexadecimal with 0x, at most 64 bits, not '81000000'",
        "0xffffffff82a13a40          | 0x+1                 | p.yaml:10:14: the address of init_task must be hexadecimal with 0x, at most 64 bits, not '0x+1'",
        "size: 9792                  | size: 9.5            | p.yaml:14:11: size must be a whole number, decimal or hexadecimal with 0x, not '9.5'",
        "size: 9792                  | size: -1             | p.yaml:14:11: size must be from 0 to 268435456, not -1",
        "source: hand                | confidence: 1.5      | p.yaml:8:22: confidence must be a number from 0 to 1, such as 0.95, not '1.5'",
        "size: 9792                  | size: 010            | p.yaml:14:11: size must be a whole number, decimal or hexadecimal with 0x, not '010'",
        "size: 9792                  | size: 2970           | p.yaml:16:7: member comm ends at byte 2984, beyond the 2970 bytes of task_struct",
        "offset: 2968, size: 16      | offset: 2968         | p.yaml:16:7: member comm needs offset and size (bytes): {offset: 0, size: 4, type: int}",
        "offset: 2968                | offst: 2968          | p.yaml:16:14: unknown field 'offst'; did you mean 'offset'?",
        "offset: 2968, size: 16      | offset: 2968, size: 99999999999 | p.yaml:16:34: size must be from 0 to 268435456, not 99999999999",
        "PIDTYPE_TGID: 1             | PIDTYPE_TGID: '1'    | p.yaml:20:17: PIDTYPE_TGID must be a whole number, decimal or hexadecimal with 0x, not '1'",
        "PIDTYPE_TGID: 1             | NEGATIVE: 1          | p.yaml:21:3: 'NEGATIVE' is given twice, first in line 20",
        "  init_task:                | `\tinit_task:`       | p.yaml:10:3: not YAML: a tab cannot stand here; indent with spaces",
    })
    void saysWhereAndWhat(String from, String to, String expected) {
        assertThat(problemsOf(change(from, to))).contains(expected);
    }

    @Test
    void saysWhatIsMissing() {
        assertThat(problemsOf("schema: 1\n")).containsExactly(
                "p.yaml:1:1: 'kernel:' is missing: it says which build this profile is for");
        assertThat(new ProfileReaderTest().problemsOf("schema: 1\nkernel: {banner: x}\n")).containsExactly(
                "p.yaml:2:1: 'release:' is missing in kernel", "p.yaml:2:1: 'architecture:' is missing in kernel");
        assertThat(new ProfileReaderTest().problemsOf(change("    size: 9792\n", "")))
                .containsExactly("p.yaml:13:3: 'size:' of task_struct is missing (bytes)");
    }

    @Test
    void tellsAllProblemsAtOnce() {
        List<String> all = problemsOf(GOOD.replace("9792", "x").replace("x86-64", "arm").replace("0x1fbc0", "zero")
                .replace("NEGATIVE", "PIDTYPE_TGID"));
        assertThat(all).hasSize(5).anyMatch(p -> p.contains(":14:")).anyMatch(p -> p.contains(":5:"))
                .anyMatch(p -> p.contains(":11:")).anyMatch(p -> p.contains(":21:"));
    }

    @Test
    void refuses64BitAddressesForA32BitKernel() {
        assertThat(problemsOf(change("x86-64", "i386")))
                .containsExactly("p.yaml:10:14: an address of an i386 kernel has at most 32 bits");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "   \n", "# nothing\n", "---\n", "just text", "[1, 2]", "schema: 1\n---\nschema: 1\n",
        "schema: [1]", "{", "a: b: c", "\"unterminated", "schema: 1\nkernel: x", "schema: 1\n? [a, b]\n: c\n", "%YAML 9.9\n---\n",
        "schema: 1\nkernel: {release: \"\\ud800\", architecture: i386}\nsymbols: {\"\\ud800\": 0x1}", "\u0001", "*a", "&a", "!!java"})
    void neverThrows(String text) {
        assertThat(read(text)).isEmpty();
        assertThat(problems.list()).isNotEmpty();
    }

    @Test
    void expandsNoAliases() {
        StringBuilder bomb = new StringBuilder("schema: 1\nkernel:\n  release: &a 6.1\n  architecture: i386\nconstants:\n");
        bomb.append("  a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for (int i = 1; i < 50; i++) {
            bomb.append("  a").append(i).append(": &a").append(i).append(" [");
            bomb.append(("*a" + (i - 1) + ", ").repeat(9)).append("]\n");
        }
        assertThat(problemsOf(bomb.toString()))
                .contains("p.yaml:3:12: anchors (&name) are not allowed: write the value out where it is needed")
                .hasSizeLessThanOrEqualTo(101);
        assertThat(new ProfileReaderTest().problemsOf("schema: 1\nkernel: *a\n")).contains(
                "p.yaml:2:9: aliases (*name) are not allowed: write the value out");
    }

    @Test
    void makesNoObjects() {
        assertThat(problemsOf("schema: 1\nkernel: !!javax.script.ScriptEngineManager [!!java.net.URL ['http://x/']]\n"))
                .contains("p.yaml:2:9: tags (!name) are not allowed");
    }

    @Test
    void stopsInDeepNesting() {
        for (String open : List.of("[", "{a: ", "- ", "? ")) {
            ProfileReaderTest fresh = new ProfileReaderTest();
            assertThat(fresh.problemsOf("schema: 1\nx:\n " + open.repeat(2_000_000))).isNotEmpty();
        }
        assertThat(problemsOf("schema: 1\nconstants: " + "[".repeat(100_000)))
                .anyMatch(p -> p.endsWith("nested too deeply: reading stops here"));
    }

    @Test
    void stopsAfterTooManyProblems() {
        StringBuilder lines = new StringBuilder("schema: 1\n");
        for (int i = 0; i < 500_000; i++) {
            lines.append("x").append(i).append(": y\n");
        }
        assertThat(problemsOf(lines.toString())).hasSize(101)
                .last().asString().endsWith("more than 100 problems: reading stops here");
    }

    @Test
    void readsALargeProfile() {
        StringBuilder lines = new StringBuilder("schema: 1\nkernel: {release: r, architecture: x86-64}\nsymbols:\n");
        for (int i = 0; i < 60_000; i++) {
            lines.append("  symbol_").append(i).append(": 0xffffffff8100").append(String.format("%04x", i & 0xffff))
                    .append('\n');
        }
        assertThat(read(lines.toString()).orElseThrow().symbols()).hasSize(60_000);
    }
}
