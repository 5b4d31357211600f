// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileImporter;
import org.xenhpt.api.profile.StructLayout;

class Volatility2ImporterTest extends ImportTest {
    /** As dwarfdump printed since 2011: hexadecimal, member offsets as bare numbers. */
    private static final String NEW_STYLE = """

            .debug_info

            <0><0x0+0xb><DW_TAG_compile_unit> DW_AT_producer<GNU C <4.9> -g> DW_AT_name</m.c> DW_AT_comp_dir</usr/src/linux-headers-3.16.0-4-amd64>
            <1><0x2d><DW_TAG_base_type> DW_AT_byte_size<0x00000004> DW_AT_encoding<DW_ATE_signed> DW_AT_name<int>
            <1><0x34><DW_TAG_base_type> DW_AT_byte_size<0x00000001> DW_AT_encoding<DW_ATE_signed_char> DW_AT_name<char>
            <1><0x3b><DW_TAG_typedef> DW_AT_name<pid_t> DW_AT_decl_file<0x00000001 types.h> DW_AT_type<<0x0000002d>>
            <1><0x50><DW_TAG_structure_type> DW_AT_name<list_head> DW_AT_byte_size<0x00000010> DW_AT_sibling<<0x00000070>>
            <2><0x58><DW_TAG_member> DW_AT_name<next> DW_AT_type<<0x00000070>> DW_AT_data_member_location<0>
            <2><0x60><DW_TAG_member> DW_AT_name<prev> DW_AT_type<<0x00000070>> DW_AT_data_member_location<8>
            <1><0x70><DW_TAG_pointer_type> DW_AT_byte_size<0x00000008> DW_AT_type<<0x00000050>>
            <1><0x80><DW_TAG_array_type> DW_AT_type<<0x00000034>> DW_AT_sibling<<0x00000090>>
            <2><0x88><DW_TAG_subrange_type> DW_AT_type<<0x0000002d>> DW_AT_upper_bound<15>
            <1><0x90><DW_TAG_array_type> DW_AT_type<<0x00000080>>
            <2><0x98><DW_TAG_subrange_type> DW_AT_upper_bound<1>
            <2><0x99><DW_TAG_subrange_type> DW_AT_upper_bound<31(as signed = -1)>
            <1><0xa0><DW_TAG_array_type> DW_AT_type<<0x0000002d>>
            <2><0xa8><DW_TAG_subrange_type> DW_AT_type<<0x0000002d>>
            <1><0xb0><DW_TAG_structure_type> DW_AT_byte_size<0x00000004>
            <2><0xb8><DW_TAG_member> DW_AT_name<val> DW_AT_type<<0x0000002d>> DW_AT_data_member_location<0>
            <1><0xc0><DW_TAG_typedef> DW_AT_name<kuid_t> DW_AT_type<<0x000000b0>>
            <1><0xd0><DW_TAG_structure_type> DW_AT_name<page> DW_AT_declaration<yes(1)>
            <1><0xd8><DW_TAG_const_type> DW_AT_type<<0x000000d0>>
            <1><0xe0><DW_TAG_pointer_type> DW_AT_byte_size<0x00000008> DW_AT_type<<0x000000d8>>
            <1><0xe8><DW_TAG_subroutine_type> DW_AT_prototyped<yes(1)> DW_AT_type<<0x0000002d>>
            <2><0xec><DW_TAG_formal_parameter> DW_AT_type<<0x00000070>>
            <1><0xf0><DW_TAG_pointer_type> DW_AT_byte_size<0x00000008> DW_AT_type<<0x000000e8>>
            <1><0xf8><DW_TAG_pointer_type> DW_AT_byte_size<0x00000008>
            <1><0x100><DW_TAG_union_type> DW_AT_byte_size<0x00000010>
            <2><0x108><DW_TAG_member> DW_AT_name<exit_code> DW_AT_type<<0x0000002d>>
            <2><0x110><DW_TAG_member> DW_AT_type<<0x000000b0>> DW_AT_data_member_location<8>
            <1><0x118><DW_TAG_structure_type> DW_AT_name<sched_entity> DW_AT_byte_size<0x000001c0>
            <2><0x120><DW_TAG_member> DW_AT_name<"vruntime"> DW_AT_type<<0x0000002d>> DW_AT_data_member_location<0x00000048>
            <1><0x128><DW_TAG_enumeration_type> DW_AT_name<zone> DW_AT_byte_size<0x00000004>
            <2><0x130><DW_TAG_enumerator> DW_AT_name<ZONE_DMA> DW_AT_const_value<0x00000000>
            <2><0x131><DW_TAG_enumerator> DW_AT_name<ZONE_BAD> DW_AT_const_value<0xffffffff (-1)>
            <1><0x138><DW_TAG_structure_type> DW_AT_name<task_struct> DW_AT_byte_size<0x00000b78>
            <2><0x140><DW_TAG_member> DW_AT_name<in_execve> DW_AT_type<<0x0000002d>> DW_AT_byte_size<0x00000004> DW_AT_bit_size<0x00000001> DW_AT_bit_offset<0x0000001f> DW_AT_data_member_location<20>
            <2><0x144><DW_TAG_member> DW_AT_name<flags> DW_AT_type<<0x0000002d>> DW_AT_bit_size<0x00000003> DW_AT_bit_offset<0x00000007> DW_AT_data_member_location<21>
            <2><0x146><DW_TAG_member> DW_AT_name<modern> DW_AT_type<<0x0000002d>> DW_AT_bit_size<0x00000002> DW_AT_data_bit_offset<0x000000c9>
            <2><0x148><DW_TAG_member> DW_AT_name<tasks> DW_AT_type<<0x00000050>> DW_AT_data_member_location<128(as signed = -128)>
            <2><0x150><DW_TAG_member> DW_AT_name<pid> DW_AT_type<<0x0000003b>> DW_AT_data_member_location<176 (-80)>
            <2><0x158><DW_TAG_member> DW_AT_type<<0x00000100>> DW_AT_data_member_location<200>
            <2><0x160><DW_TAG_member> DW_AT_name<uid> DW_AT_type<<0x000000c0>> DW_AT_data_member_location<300>
            <2><0x168><DW_TAG_member> DW_AT_name<inner> DW_AT_type<<0x000000b0>> DW_AT_data_member_location<304>
            <2><0x170><DW_TAG_member> DW_AT_name<page> DW_AT_type<<0x000000e0>> DW_AT_data_member_location<312>
            <2><0x178><DW_TAG_member> DW_AT_name<fn> DW_AT_type<<0x000000f0>> DW_AT_data_member_location<320>
            <2><0x180><DW_TAG_member> DW_AT_name<stack> DW_AT_type<<0x000000f8>> DW_AT_data_member_location<328>
            <2><0x188><DW_TAG_member> DW_AT_name<se> DW_AT_type<<0x00000118>> DW_AT_data_member_location<512>
            <2><0x190><DW_TAG_member> DW_AT_name<comm> DW_AT_type<<0x00000080>> DW_AT_data_member_location<1656>
            <2><0x191><DW_TAG_member> DW_AT_name<grid> DW_AT_type<<0x00000090>> DW_AT_data_member_location<1700>
            <2><0x192><DW_TAG_member> DW_AT_name<nowhere> DW_AT_type<<0x0000002d>> DW_AT_data_member_location<>
            <2><0x198><DW_TAG_member> DW_AT_name<zone> DW_AT_type<<0x00000128>> DW_AT_data_member_location<336>
            <2><0x199><DW_TAG_member> DW_AT_name<tail> DW_AT_type<<0x000000a0>> DW_AT_data_member_location<2936>
            <0><0x19a1e+0xb><DW_TAG_compile_unit> DW_AT_name</m.mod.c> DW_AT_comp_dir</elsewhere>
            <1><0x2d><DW_TAG_base_type> DW_AT_byte_size<0x00000001> DW_AT_name<char>
            <1><0x34><DW_TAG_structure_type> DW_AT_name<module> DW_AT_byte_size<0x00000010>
            <2><0x40><DW_TAG_member> DW_AT_name<state> DW_AT_type<<0x0000002d>> DW_AT_data_member_location<3>
            """.replaceFirst("^\\n", "");
    /** As it printed before: decimal, a blank line after each, member offsets as operations. */
    private static final String OLD_STYLE = """
            <0><0+11><DW_TAG_compile_unit> DW_AT_comp_dir</usr/src/kernels/2.6.25-14.fc9.i686>

            <1><37><DW_TAG_base_type> DW_AT_byte_size<4> DW_AT_name<int>

            <1><44><DW_TAG_base_type> DW_AT_byte_size<1> DW_AT_name<char>

            <1><51><DW_TAG_structure_type> DW_AT_sibling<<80>> DW_AT_name<list_head> DW_AT_byte_size<8>

            <2><59><DW_TAG_member> DW_AT_name<next> DW_AT_type<<80>> DW_AT_data_member_location<DW_OP_plus_uconst 0>

            <2><69><DW_TAG_member> DW_AT_name<prev> DW_AT_type<<80>> DW_AT_data_member_location<DW_OP_plus_uconst 4>

            <1><80><DW_TAG_pointer_type> DW_AT_byte_size<4> DW_AT_type<<51>>

            <1><86><DW_TAG_array_type> DW_AT_type<<44>>

            <2><95><DW_TAG_subrange_type> DW_AT_upper_bound<15>

            <1><96><DW_TAG_array_type> DW_AT_type<<37>>

            <2><97><DW_TAG_subrange_type> DW_AT_upper_bound<4294967295(as signed = -1)>

            <1><102><DW_TAG_structure_type> DW_AT_name<task_struct> DW_AT_byte_size<1024>

            <2><110><DW_TAG_member> DW_AT_name<tasks> DW_AT_type<<51>> DW_AT_data_member_location<DW_OP_plus_uconst 100>

            <2><120><DW_TAG_member> DW_AT_name<comm> DW_AT_type<<86>> DW_AT_data_member_location<len 0x0002: 2308: DW_OP_plus_uconst 400>

            <2><130><DW_TAG_member> DW_AT_name<tail> DW_AT_type<<96>> DW_AT_data_member_location<DW_OP_plus_uconst 1024>

            """;
    private static final String MAP = "0000000000000000 D __per_cpu_start\nffffffff81000000 T _text\nffffffff81a1a460 D init_task\n";
    private static final Needs WANTED = new Needs(Set.of("init_task"), Set.of("task_struct.*", "task_struct.tasks.next"));

    @Override
    ProfileImporter importer() {
        return new Volatility2Importer();
    }

    private Path zip(String name, String... namesAndContents) {
        Map<String, byte[]> entries = new LinkedHashMap<>();
        for (int i = 0; i < namesAndContents.length; i += 2) {
            entries.put(namesAndContents[i], namesAndContents[i + 1].getBytes(StandardCharsets.ISO_8859_1));
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream out = new ZipOutputStream(bytes)) {
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                out.putNextEntry(new ZipEntry(entry.getKey()));
                out.write(entry.getValue());
                out.closeEntry();
            }
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return file(name, bytes.toByteArray());
    }

    @Test
    void readsTheNewStyle() {
        Path zip = zip("Debian8.zip", "__MACOSX/._module.dwarf", "junk", "deb/.DS_Store", "junk",
                "deb/boot/System.map-3.16.0-4-amd64", MAP, "deb/tools/linux/module.dwarf", NEW_STYLE);
        assertThat(importer().accepts(zip)).isTrue();
        Profile profile = read(zip, WANTED);
        assertThat(profile.kernel().release()).isEqualTo("3.16.0-4-amd64");
        assertThat(profile.kernel().architecture()).isEqualTo(Architecture.X86_64);
        assertThat(profile.symbols()).isEqualTo(Map.of("init_task", 0xffffffff81a1a460L));
        Map<String, Member> members = new LinkedHashMap<>();
        members.put("in_execve", new Member(20, 1, "int : 1 @ 0"));
        members.put("flags", new Member(23, 2, "int : 3 @ 6"));
        members.put("modern", new Member(25, 1, "int : 2 @ 1"));
        members.put("tasks", new Member(128, 16, "struct list_head"));
        members.put("pid", new Member(176, 4, "pid_t"));
        members.put("exit_code", new Member(200, 4, "int"));
        members.put("val", new Member(208, 4, "int"));
        members.put("uid", new Member(300, 4, "kuid_t"));
        members.put("inner", new Member(304, 4, "struct task_struct__inner"));
        members.put("page", new Member(312, 8, "const struct page *"));
        members.put("fn", new Member(320, 8, "int (*)()"));
        members.put("stack", new Member(328, 8, "void *"));
        members.put("zone", new Member(336, 4, "enum zone"));
        members.put("se", new Member(512, 448, "struct sched_entity"));
        members.put("comm", new Member(1656, 16, "char[16]"));
        members.put("tail", new Member(2936, 0, "int[]"));
        members.put("grid", new Member(1700, 1024, "char[2][32][16]"));
        assertThat(profile.structs().get("task_struct")).isEqualTo(new StructLayout(2936, members));
        assertThat(profile.member("task_struct", "tasks.next")).contains(new Member(128, 8, "struct list_head *"));
    }

    @Test
    void followsPathsThroughTypedefsAndUnnamedStructures() {
        Path zip = zip("p.zip", "module.dwarf", NEW_STYLE, "System.map", MAP);
        Profile profile = read(zip, members("task_struct.uid.val", "task_struct.inner.val", "task_struct.se.vruntime",
                "task_struct.stack.nothing", "kuid_t.val", "module.state", "page.flags"));
        assertThat(profile.member("task_struct", "uid.val")).contains(new Member(300, 4, "int"));
        assertThat(profile.member("task_struct", "inner.val")).contains(new Member(304, 4, "int"));
        assertThat(profile.member("task_struct", "se.vruntime")).contains(new Member(584, 4, "int"));
        assertThat(profile.structs()).containsEntry("kuid_t", new StructLayout(4, Map.of("val", new Member(0, 4, "int"))));
        // In the second unit 0x2d is another type: references count from the unit's start.
        assertThat(profile.member("module", "state")).contains(new Member(3, 1, "char"));
        assertThat(profile.structs()).doesNotContainKey("page");
        // The release is in the folder that the module was built against.
        assertThat(profile.kernel().release()).isEqualTo("3.16.0-4-amd64");
        Profile all = read(zip, Needs.ALL);
        assertThat(all.structs().keySet()).containsExactly("kuid_t", "list_head", "module", "sched_entity", "task_struct",
                "task_struct__inner");
        assertThat(all.constants()).isEqualTo(Map.of("ZONE_DMA", 0L, "ZONE_BAD", -1L));
        assertThat(all.symbols()).hasSize(3);
    }

    @Test
    void readsTheOldStyle() {
        Profile profile = read(zip("Fedora9.zip", "module.dwarf", OLD_STYLE, "System.map-2.6.25-14.fc9.i686",
                "c0400000 T _text\nc0668300 D init_task\n"), WANTED);
        assertThat(profile.kernel().architecture()).isEqualTo(Architecture.I386);
        assertThat(profile.kernel().release()).isEqualTo("2.6.25-14.fc9.i686");
        assertThat(profile.symbols()).isEqualTo(Map.of("init_task", 0xc0668300L));
        assertThat(profile.structs().get("task_struct")).isEqualTo(new StructLayout(1024, Map.of(
                "tasks", new Member(100, 8, "struct list_head"), "comm", new Member(400, 16, "char[16]"),
                "tail", new Member(1024, 0, "int[]"))));
        assertThat(profile.structs().get("list_head").members()).containsOnlyKeys("next");
        assertThat(read(zip("nomap.zip", "module.dwarf", OLD_STYLE), WANTED).kernel().release())
                .isEqualTo("2.6.25-14.fc9.i686");
    }

    @ParameterizedTest
    @CsvSource({"0x1f,31", "31,31", "0x0+0xb,0", "0+11,0", "128(as signed = -128),128", "176 (-80),176", "0x1f GOFF=0x2f,31",
        "DW_OP_plus_uconst 8,8", "len 0x0002: 2308: DW_OP_plus_uconst 8,8", "'',", "x,", "0x,",
        "18446744073709551615,-1", "99999999999999999999,"})
    void readsNumbersOfAllStyles(String text, Long number) {
        assertThat(DwarfText.number(text).stream().boxed().findFirst().orElse(null)).isEqualTo(number);
    }

    @Test
    void refusesTwoDifferentKernels() {
        failure(zip("mixed.zip", "module.dwarf", OLD_STYLE, "System.map", MAP), WANTED)
                .hasMessageContaining("System.map: has x86-64 addresses, and module.dwarf pointers of 4 bytes");
    }

    @Test
    void namesTheLineInTheZip() {
        failure(zip("bad.zip", "a/module.dwarf", OLD_STYLE + "<1><oops"), WANTED)
                .hasMessageContaining("bad.zip:a/module.dwarf:31: is not '<level><offset><DW_TAG_...>'");
        failure(zip("bad.zip", "module.dwarf", OLD_STYLE, "System.map", "c0400000 T _text\noops\n"), WANTED)
                .hasMessageContaining("bad.zip:System.map:2: is not 'address type name'");
        failure(zip("long.zip", "module.dwarf", "<".repeat(10 << 20)), WANTED)
                .hasMessageContaining("module.dwarf:1: the line is longer");
    }

    @Test
    void recognisesAFailedDwarfdump() {
        StringBuilder same = new StringBuilder(OLD_STYLE);
        for (int i = 0; i < 500; i++) {
            same.append("<1><").append(1000 + i).append("><DW_TAG_base_type> DW_AT_name<device_attribute> DW_AT_byte_size<4>\n");
        }
        failure(zip("same.zip", "module.dwarf", same.toString()), WANTED)
                .hasMessageContaining("gives 500 types and members the same name, device_attribute");
        failure(zip("none.zip", "module.dwarf", "\n.debug_info\n"), WANTED).hasMessageContaining("has no structures");
    }

    @Test
    void staysBoundedInLoops() {
        String loops = """
                <1><200><DW_TAG_typedef> DW_AT_name<self> DW_AT_type<<200>>
                <1><210><DW_TAG_pointer_type> DW_AT_byte_size<4> DW_AT_type<<210>>
                <1><220><DW_TAG_structure_type> DW_AT_name<loop> DW_AT_byte_size<4>
                <2><221><DW_TAG_member> DW_AT_name<again> DW_AT_type<<220>> DW_AT_data_member_location<0>
                <2><222><DW_TAG_member> DW_AT_type<<220>> DW_AT_data_member_location<0>
                <1><230><DW_TAG_structure_type> DW_AT_name<typed> DW_AT_byte_size<4>
                <2><231><DW_TAG_member> DW_AT_name<bad> DW_AT_type<<200>> DW_AT_data_member_location<0>
                <1><240><DW_TAG_structure_type> DW_AT_name<pointed> DW_AT_byte_size<4>
                <2><241><DW_TAG_member> DW_AT_name<bad> DW_AT_type<<210>> DW_AT_data_member_location<0>
                """;
        Path zip = zip("loops.zip", "module.dwarf", OLD_STYLE + loops);
        assertThat(read(zip, members("loop.*", "loop.again.again.again", "task_struct.comm")).structs().get("loop")
                .members()).containsOnlyKeys("again");
        failure(zip, members("typed.bad")).hasMessageContaining("is defined by itself");
        failure(zip, members("pointed.bad")).hasMessageContaining("is defined by itself");
        StringBuilder arrays = new StringBuilder(OLD_STYLE);
        for (int i = 0; i < 30; i++) {
            arrays.append("<1><").append(300 + i).append("><DW_TAG_array_type> DW_AT_type<<").append(i == 0 ? 37 : 299 + i)
                    .append(">>\n<2><400><DW_TAG_subrange_type> DW_AT_upper_bound<2000000000>\n");
        }
        arrays.append("<1><500><DW_TAG_structure_type> DW_AT_name<big> DW_AT_byte_size<4>\n"
                + "<2><501><DW_TAG_member> DW_AT_name<m> DW_AT_type<<329>> DW_AT_data_member_location<0>\n");
        failure(zip("arrays.zip", "module.dwarf", arrays.toString()), members("big.m")).hasMessageContaining("impossibl");
        failure(zip("levels.zip", "module.dwarf", OLD_STYLE + "<99999999999999999999><1><DW_TAG_member>\n"), WANTED)
                .hasMessageContaining("level");
        assertThat(read(zip("skip.zip", "module.dwarf", OLD_STYLE + "<7><1><DW_TAG_member> DW_AT_name<x>\n"), WANTED)
                .structs()).containsKey("task_struct");
    }

    @Test
    void stopsAfterTooManyEntries() {
        StringBuilder many = new StringBuilder(OLD_STYLE);
        for (int i = 0; i < 500_000; i++) {
            many.append("<1><").append(1000 + i).append("><DW_TAG_const_type>\n");
        }
        failure(zip("many.zip", "module.dwarf", many.toString()), WANTED).hasMessageContaining("more than 500000 entries");
    }

    @Test
    void refusesDamagedZips() throws IOException {
        byte[] whole = Files.readAllBytes(zip("whole.zip", "module.dwarf", NEW_STYLE, "System.map", MAP));
        for (int length = 0; length < whole.length; length += 61) {
            Path cut = file("cut.zip", Arrays.copyOf(whole, length));
            assertThat(importer().accepts(cut)).isFalse();
            failure(cut, WANTED);
        }
        for (int i = 0; i < whole.length; i += 7) {
            byte[] bytes = whole.clone();
            bytes[i] ^= 0x55;
            Path damaged = file("damaged.zip", bytes);
            importer().accepts(damaged);
            try {
                read(damaged, WANTED);
            } catch (org.xenhpt.api.error.HptException e) {
                assertThat(e.subject()).startsWith(damaged.toString());
            }
        }
    }

    @Test
    void stopsInABomb() throws IOException {
        Path bomb = folder.resolve("bomb.zip");
        byte[] line = ("<1><0x2d><DW_TAG_formal_parameter> DW_AT_x<" + "x".repeat(60_000) + ">\n")
                .getBytes(StandardCharsets.US_ASCII);
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(bomb))) {
            out.putNextEntry(new ZipEntry("module.dwarf"));
            for (int i = 0; i < 2_300; i++) {
                out.write(line);
            }
        }
        failure(bomb, WANTED).hasMessageContaining("more than 128 MiB of content");
    }

    @ParameterizedTest
    @ValueSource(strings = {"mac.symbol.dsymutil", "notes.txt", ".dwarf", "__MACOSX/module.dwarf"})
    void acceptsNoOtherZip(String entry) {
        Path other = zip("other.zip", entry, "x");
        assertThat(importer().accepts(other)).isFalse();
        failure(other, WANTED).hasMessageContaining("has no module.dwarf");
        failure(folder, WANTED);
        failure(folder.resolve("nowhere.zip"), WANTED).hasMessageContaining("no such file");
    }
}
