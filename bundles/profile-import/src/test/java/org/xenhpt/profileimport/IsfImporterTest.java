// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileImporter;
import org.xenhpt.api.profile.StructLayout;

class IsfImporterTest extends ImportTest {
    private static final String BANNER = "Linux version 6.1.0-50-amd64 (debian-kernel) #1 SMP Debian";
    private static final String METADATA = "'metadata': {'linux': {'symbols': []}, 'format': '6.2.0'}";
    private static final String BASE = """
            'base_types': {
              'int': {'size': 4, 'signed': true, 'kind': 'int', 'endian': 'little'},
              'char': {'size': 1, 'signed': true, 'kind': 'char', 'endian': 'little'},
              'long long unsigned int': {'size': 8},
              'void': {'size': 0},
              'pointer': {'size': 8, 'signed': false, 'kind': 'int', 'endian': 'little'}}""";
    private static final String TYPES = """
            'user_types': {
              'list_head': {'size': 16, 'kind': 'struct', 'fields': {
                'prev': {'type': {'kind': 'pointer', 'subtype': {'kind': 'struct', 'name': 'list_head'}}, 'offset': 8},
                'next': {'type': {'kind': 'pointer', 'subtype': {'kind': 'struct', 'name': 'list_head'}}, 'offset': 0}}},
              'sched_entity': {'size': 448, 'kind': 'struct', 'fields': {
                'sum_exec_runtime': {'type': {'kind': 'base', 'name': 'long long unsigned int'}, 'offset': 72}}},
              'unnamed_aa': {'size': 16, 'kind': 'union', 'fields': {
                'exit_code': {'type': {'kind': 'base', 'name': 'int'}, 'offset': 0},
                'unnamed_field_0': {'anonymous': true, 'type': {'kind': 'struct', 'name': 'unnamed_bb'}, 'offset': 8}}},
              'unnamed_bb': {'size': 8, 'kind': 'struct', 'fields': {
                'deep': {'type': {'kind': 'base', 'name': 'int'}, 'offset': 4}}},
              'unnamed_cc': {'size': 4, 'kind': 'struct', 'fields': {
                'val': {'type': {'kind': 'base', 'name': 'int'}, 'offset': 0}}},
              'task_struct': {'size': 9792, 'kind': 'struct', 'fields': {
                'comm': {'type': {'kind': 'array', 'count': 16, 'subtype': {'kind': 'base', 'name': 'char'}}, 'offset': 2968},
                'tasks': {'type': {'kind': 'struct', 'name': 'list_head'}, 'offset': 2224},
                'se': {'type': {'kind': 'struct', 'name': 'sched_entity'}, 'offset': 128},
                'unnamed_field_1': {'anonymous': true, 'type': {'kind': 'union', 'name': 'unnamed_aa'}, 'offset': 1000},
                'uid': {'type': {'kind': 'struct', 'name': 'unnamed_cc'}, 'offset': 2000},
                'policy': {'type': {'kind': 'enum', 'name': 'policy'}, 'offset': 24},
                'in_execve': {'type': {'kind': 'bitfield', 'bit_length': 1, 'bit_position': 2,
                                       'type': {'kind': 'base', 'name': 'int'}}, 'offset': 20},
                'stack': {'type': {'kind': 'pointer', 'subtype': {'kind': 'base', 'name': 'void'}}, 'offset': 32},
                'exit': {'type': {'kind': 'pointer', 'subtype': {'kind': 'function'}}, 'offset': 40},
                'table': {'type': {'kind': 'array', 'count': 4, 'subtype': {'kind': 'pointer',
                                   'subtype': {'kind': 'struct', 'name': 'page'}}}, 'offset': 48},
                'pairs': {'type': {'kind': 'array', 'count': 2, 'subtype': {'kind': 'struct', 'name': 'unnamed_cc'}},
                          'offset': 3000},
                'tail': {'type': {'kind': 'array', 'count': 0, 'subtype': {'kind': 'base', 'name': 'int'}}, 'offset': 9792}}}}""";
    private static final String ENUMS = """
            'enums': {'policy': {'size': 4, 'base': 'int', 'constants': {'FIFO': 1, 'NONE': -1, 'OTHER': 9}}}""";
    private static final String SYMBOLS = """
            'symbols': {
              '': {'address': 1},
              '_text': {'address': 18446744071578845184},
              'init_task': {'type': {'kind': 'struct', 'name': 'task_struct'}, 'address': 18446744071606843968},
              'current_task': {'address': 130000},
              'linux_banner': {'address': 18446744071593525760, 'constant_data': 'BASE64'}}"""
            .replace("BASE64", Base64.getEncoder().encodeToString((BANNER + "\n\0").getBytes(StandardCharsets.US_ASCII)));
    private static final String WHOLE = isf(METADATA, BASE, TYPES, ENUMS, SYMBOLS);

    @Override
    ProfileImporter importer() {
        return new IsfImporter();
    }

    private static String isf(String... sections) {
        return ("{" + String.join(",\n", sections) + "}\n").replace('\'', '"');
    }

    @Test
    void readsWhatIsWantedAndNoMore() {
        Path file = file("6.1.json", WHOLE);
        assertThat(importer().accepts(file)).isTrue();
        Profile profile = read(file, new Needs(Set.of("init_task", "current_task", "absent"),
                Set.of("task_struct.comm", "task_struct.tasks.next", "task_struct.se.sum_exec_runtime", "task_struct.absent",
                        "absent.pid", "task_struct.tail", "malformed"), Set.of("FIFO", "NONE")));
        assertThat(profile.kernel().architecture()).isEqualTo(Architecture.X86_64);
        assertThat(profile.kernel().banner()).isEqualTo(BANNER);
        assertThat(profile.kernel().release()).isEqualTo("6.1.0-50-amd64");
        assertThat(profile.origin().source()).isEqualTo("isf");
        assertThat(profile.symbols())
                .isEqualTo(Map.of("init_task", Long.parseUnsignedLong("18446744071606843968"),
                        "current_task", 130000L));
        assertThat(profile.structs()).isEqualTo(Map.of(
                "task_struct", new StructLayout(9792, Map.of("comm", new Member(2968, 16, "char[16]"),
                        "tasks", new Member(2224, 16, "struct list_head"), "se", new Member(128, 448, "struct sched_entity"),
                        "tail", new Member(9792, 0, "int[]"))),
                "list_head", new StructLayout(16, Map.of("next", new Member(0, 8, "struct list_head *"))),
                "sched_entity", new StructLayout(448, Map.of("sum_exec_runtime",
                        new Member(72, 8, "long long unsigned int")))));
        assertThat(profile.member("task_struct", "se.sum_exec_runtime")).map(Member::offset).contains(200);
        assertThat(profile.constants()).isEqualTo(Map.of("FIFO", 1L, "NONE", -1L));
    }

    @Test
    void flattensAnonymousAndNamesUnnamed() {
        Profile profile = read(file("6.1.json", WHOLE), members("task_struct.*"));
        Map<String, Member> members = profile.structs().get("task_struct").members();
        assertThat(members).containsEntry("exit_code", new Member(1000, 4, "int"))
                .containsEntry("deep", new Member(1012, 4, "int"))
                .containsEntry("in_execve", new Member(20, 1, "int : 1 @ 2"))
                .containsEntry("policy", new Member(24, 4, "enum policy"))
                .containsEntry("stack", new Member(32, 8, "void *"))
                .containsEntry("exit", new Member(40, 8, "void (*)()"))
                .containsEntry("table", new Member(48, 32, "struct page *[4]"))
                .containsEntry("pairs", new Member(3000, 8, "struct task_struct__pairs[2]"))
                .containsEntry("uid", new Member(2000, 4, "struct task_struct__uid"));
        assertThat(members.keySet()).noneMatch(name -> name.startsWith("unnamed"));
        assertThat(profile.member("task_struct", "uid.val")).contains(new Member(2000, 4, "int"));
        assertThat(members.keySet()).first().isEqualTo("in_execve");
        assertThat(profile.symbols()).isEmpty();
    }

    @Test
    void readsAllOfItInAnyOrder() throws IOException {
        Profile all = read(file("all.json", WHOLE), Needs.ALL);
        assertThat(all.structs().keySet()).containsExactly("list_head", "sched_entity", "task_struct",
                "task_struct__pairs", "task_struct__uid");
        assertThat(all.symbols().keySet()).containsExactly("_text", "current_task", "init_task", "linux_banner");
        assertThat(all.constants()).hasSize(3);
        Profile reversed = read(gzip("all.json.gz", isf(SYMBOLS, ENUMS, TYPES, BASE, METADATA)), Needs.ALL);
        assertThat(reversed.structs()).isEqualTo(all.structs());
        assertThat(reversed.symbols()).isEqualTo(all.symbols());
        assertThat(reversed.constants()).isEqualTo(all.constants());
    }

    @Test
    void readsA32BitOne() {
        Profile profile = read(file("i386.json", isf(BASE.replace("'pointer': {'size': 8", "'pointer': {'size': 4"),
                TYPES.replace("'size': 16", "'size': 8").replace("'offset': 8}}}", "'offset': 4}}}"),
                "'symbols': {'_text': {'address': 3238002688}}")), new Needs(Set.of("_text"), Set.of("task_struct.tasks")));
        assertThat(profile.kernel().architecture()).isEqualTo(Architecture.I386);
        assertThat(profile.symbols()).containsEntry("_text", 0xc1000000L);
        assertThat(profile.structs().get("task_struct").members()).containsEntry("tasks",
                new Member(2224, 8, "struct list_head"));
    }

    @Test
    void saysHowToUnpackXz() {
        Path xz = file("6.1.json.xz", new byte[] {(byte) 0xfd, '7', 'z', 'X', 'Z', 0, 0, 0});
        assertThat(importer().accepts(xz)).isTrue();
        failure(xz, Needs.ALL).hasMessageContaining("xz -dk 6.1.json.xz");
    }

    @Test
    void refusesOtherSystemsAndProcessors() {
        failure(file("w.json", WHOLE.replace("\"linux\"", "\"windows\"")), Needs.ALL)
                .hasMessageContaining("has the symbols of a windows kernel");
        failure(file("a.json", WHOLE.replace("18446744071578845184", "18446603336221196288")), Needs.ALL)
                .hasMessageContaining("is of a kernel for other processors than x86: " + BANNER);
        failure(file("p.json", isf(TYPES)), Needs.ALL).hasMessageContaining("does not tell the size of a pointer");
        failure(file("q.json", WHOLE.replace("\"pointer\": {\"size\": 8", "\"pointer\": {\"size\": 3")), Needs.ALL)
                .hasMessageContaining("has pointers of 3 bytes");
    }

    @Test
    void everyPrefixIsRefusedWithItsLine() {
        for (int length = 0; length < WHOLE.length() - 2; length += 97) {
            failure(file("cut.json", WHOLE.substring(0, length)), Needs.ALL).hasMessageContaining("cut.json:");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "1", "null", "{}", "{'user_types': []}", "{'symbols': {'_text': 1}}",
        "{'symbols': {'_text': {'address': 'x'}}}", "{'symbols': {'_text': {'address': 1e9}}}",
        "{'symbols': {'_text': {'address': 99999999999999999999999}}}", "{'symbols': {'linux_banner': {'constant_data': '!'}}}",
        "{'base_types': {'int': 4}}", "{'base_types': {'int': {'size': null}}}", "{'enums': {'e': {'constants': {'A': []}}}}",
        "{'user_types': {'t': {'size': '4'}}}", "{'user_types': {'t': {'fields': {'f': {'type': {'kind': 4}}}}}}", "{} {}",
        "{'user_types': {'t': {'fields': {'f': {'offset': true}}}}}", "{'metadata': {\u0000}}", "\u0000\u0001"})
    void refusesWrongTypes(String json) {
        failure(file("wrong.json", json.replace('\'', '"')), Needs.ALL);
    }

    @Test
    void refusesLayoutsThatContradictThemselves() {
        failure(file("beyond.json", WHOLE.replace("\"offset\": 2968", "\"offset\": 9777")), members("task_struct.comm"))
                .hasMessageContaining("member comm of task_struct ends at byte 9793, and task_struct has only 9792");
        failure(file("minus.json", WHOLE.replace("\"offset\": 2968", "\"offset\": -8")), members("task_struct.*"))
                .hasMessageContaining("task_struct.comm is impossible: -8");
        failure(file("huge.json", WHOLE.replace("\"count\": 16", "\"count\": 9223372036854775807")),
                members("task_struct.comm")).hasMessageContaining("task_struct.comm is impossible");
    }

    @Test
    void staysBoundedInNests() {
        String loop = "'user_types': {'t': {'size': 64, 'fields': {'a': {'offset': 0, 'type': {'kind': 'struct', 'name': 't'}},"
                + "'unnamed_field_0': {'offset': 0, 'type': {'kind': 'struct', 'name': 'unnamed_1'}}}},"
                + "'unnamed_1': {'size': 64, 'fields': {'unnamed_field_0': {'offset': 0, 'type': {'kind': 'struct', 'name': 'unnamed_1'}},"
                + "'b': {'offset': 0, 'type': {'kind': 'struct', 'name': 'unnamed_1'}}}}}";
        Profile profile = read(file("loop.json", isf(BASE, loop)), members("t.*", "t.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.b"));
        assertThat(profile.structs().get("t").members()).containsKeys("a", "b");

        StringBuilder wide = new StringBuilder("'user_types': {'t': {'size': 9, 'fields': {");
        for (int level = 0; level < 8; level++) {
            for (int i = 0; i < 50; i++) {
                wide.append(i == 0 ? "" : ",").append("'unnamed_field_").append(i)
                        .append("': {'offset': 0, 'type': {'kind': 'struct', 'name': 'unnamed_").append(level).append("'}}");
            }
            wide.append("}}, 'unnamed_").append(level).append("': {'size': 9, 'fields': {");
        }
        failure(file("wide.json", isf(BASE, wide + "}}}")), members("t.*")).hasMessageContaining("more than 20000 members");

        failure(file("deep.json", isf(BASE, "'x': " + "[".repeat(1_000_000))), Needs.ALL).hasMessageContaining("nesting depth");
        String pointers = "{'kind': 'pointer', 'subtype': ".repeat(100_000);
        failure(file("pointers.json", isf(BASE, "'user_types': {'t': {'fields': {'f': {'type': " + pointers)), Needs.ALL)
                .hasMessageContaining("nesting depth");
        failure(file("name.json", "{\"" + "x".repeat(10 << 20) + "\": 1}"), Needs.ALL).hasMessageContaining("is not JSON");
        failure(file("text.json", isf(BASE, "'symbols': {'linux_banner': {'constant_data': '" + "x".repeat(10 << 20) + "'}}")),
                Needs.ALL).hasMessageContaining("is not JSON");
    }

    @Test
    void acceptsNothingElse() throws IOException {
        for (Path other : new Path[] {folder, folder.resolve("nowhere"), file("e.json", ""), file("o.json", "{\"a\": 1}"),
                file("m", "ffffffff81000000 T _text\n"), gzip("m.gz", "ffffffff81000000 T _text\n"),
                file("z.json", new byte[9000])}) {
            assertThat(importer().accepts(other)).isFalse();
        }
        failure(folder, Needs.ALL).hasMessageContaining("not a regular file");
        failure(folder.resolve("nowhere.json"), Needs.ALL).hasMessageContaining("no such file");
    }
}
