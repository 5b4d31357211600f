// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.btf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.StructLayout;
import org.xenhpt.identify.btf.Btf.Kind;

class BtfTest {
    private final BtfBlob blob = new BtfBlob();
    private final int int32 = blob.integer("int", 4);
    private final int uint32 = blob.integer("unsigned int", 4);
    private final int ulong = blob.integer("long unsigned int", 8);
    private final int character = blob.integer("char", 1);

    private BtfLayouts layouts(String... needs) {
        try {
            return BtfLayouts.of(Btf.open(blob.bytes()), List.of(needs));
        } catch (BtfException damaged) {
            throw new AssertionError(damaged);
        }
    }

    private Map<String, StructLayout> structs(String... needs) {
        BtfLayouts layouts = layouts(needs);
        assertThat(layouts.problems()).isEmpty();
        return layouts.structs();
    }

    @Test
    void givesTheMembersAskedForInTheOrderOfTheirOffsets() {
        int list = blob.struct("list_head", 16).add("next", blob.pointer(5), 0).add("prev", blob.pointer(5), 8).end();
        blob.struct("task_struct", 4096).add("pid", int32, 100).add("tasks", list, 40).add("comm",
                blob.array(character, 16), 200).add("state", ulong, 24).end();

        StructLayout task = structs("task_struct.comm", "task_struct.pid", "task_struct.tasks", "task_struct.none",
                "no_such.member").get("task_struct");
        assertThat(task.size()).isEqualTo(4096);
        assertThat(List.copyOf(task.members().entrySet())).containsExactly(
                Map.entry("tasks", new Member(40, 16, "struct list_head")),
                Map.entry("pid", new Member(100, 4, "int")),
                Map.entry("comm", new Member(200, 16, "char[16]")));
    }

    @Test
    void givesAllMembersForAStar() {
        blob.struct("kuid", 4).add("val", uint32, 0).add("again", uint32, 0).end();
        assertThat(structs("kuid.*").get("kuid").members()).containsOnlyKeys("val", "again");
    }

    @Test
    void flattensAnonymousStructuresAndUnions() {
        int inner = blob.struct("", 16).add("x", int32, 0).add("y", int32, 8).end();
        int either = blob.union("", 16).add("", inner, 0).add("z", ulong, 0).end();
        int constant = blob.simple(Kind.CONST, "", either);
        blob.struct("outer", 64).add("a", int32, 0).add("", constant, 32).end();

        assertThat(structs("outer.*").get("outer").members()).isEqualTo(Map.of("a", new Member(0, 4, "int"),
                "x", new Member(32, 4, "int"), "y", new Member(40, 4, "int"),
                "z", new Member(32, 8, "long unsigned int")));
    }

    @Test
    void followsPathsThroughStructuresTypedefsAndTypesWithoutATag() {
        int raw = blob.struct("", 4).add("counter", int32, 0).end();
        int atomic = blob.simple(Kind.TYPEDEF, "atomic_t", raw);
        int refcount = blob.struct("refcount_struct", 4).add("refs", atomic, 0).end();
        int refcountT = blob.simple(Kind.TYPEDEF, "refcount_t", refcount);
        int anonymous = blob.union("", 16).add("child", ulong, 8).end();
        blob.struct("dentry", 64).add("usage", refcountT, 16).add("d_u", anonymous, 32).end();

        Map<String, StructLayout> structs = structs("dentry.usage.refs.counter", "dentry.d_u.child");
        assertThat(structs.get("dentry").members()).isEqualTo(Map.of("usage", new Member(16, 4, "refcount_t"),
                "d_u", new Member(32, 16, "union dentry.d_u")));
        assertThat(structs.get("refcount_t").members()).isEqualTo(Map.of("refs", new Member(0, 4, "atomic_t")));
        assertThat(structs.get("atomic_t").members()).isEqualTo(Map.of("counter", new Member(0, 4, "int")));
        assertThat(structs.get("dentry.d_u").members())
                .isEqualTo(Map.of("child", new Member(8, 8, "long unsigned int")));
    }

    @Test
    void tellsTheBitsOfBitFields() {
        blob.struct("flags", 8).bits("one", uint32, 0, 1).bits("three", uint32, 9, 3).bits("across", uint32, 30, 6)
                .bits("whole", uint32, 32, 0).end();
        assertThat(structs("flags.*").get("flags").members()).isEqualTo(Map.of(
                "one", new Member(0, 4, "unsigned int:1"), "three", new Member(0, 4, "unsigned int:3"),
                "across", new Member(3, 4, "unsigned int:6"), "whole", new Member(4, 4, "unsigned int")));
    }

    @Test
    void writesTypesAsCDoes() {
        int task = blob.simple(Kind.FWD, "task_struct", 0);
        int constChar = blob.simple(Kind.CONST, "", character);
        int pointer = blob.pointer(task);
        int tagged = blob.simple(Kind.TYPE_TAG, "rcu", task);
        int function = blob.function(int32, pointer, blob.pointer(constChar), 0);
        int volatileInt = blob.simple(Kind.VOLATILE, "", int32);
        int state = blob.enumeration("state", "A", 0);
        blob.declTag(task);
        blob.struct("all", 512).add("task", pointer, 0).add("name", blob.pointer(constChar), 8)
                .add("fixed", blob.simple(Kind.CONST, "", pointer), 16).add("call", blob.pointer(function), 24)
                .add("table", blob.array(blob.array(int32, 3), 2), 32).add("pointers", blob.array(pointer, 4), 64)
                .add("row", blob.pointer(blob.array(int32, 3)), 96).add("rcu", blob.pointer(tagged), 104)
                .add("changing", volatileInt, 112).add("any", blob.pointer(0), 120).add("state", state, 128)
                .add("real", blob.floating("double", 8), 136).add("last", blob.array(ulong, 0), 512).end();

        Map<String, Member> members = structs("all.*").get("all").members();
        assertThat(members.get("task").type()).isEqualTo("struct task_struct *");
        assertThat(members.get("name").type()).isEqualTo("const char *");
        assertThat(members.get("fixed").type()).isEqualTo("struct task_struct * const");
        assertThat(members.get("call").type()).isEqualTo("int (*)(struct task_struct *, const char *, ...)");
        assertThat(members.get("table")).isEqualTo(new Member(32, 24, "int[2][3]"));
        assertThat(members.get("pointers")).isEqualTo(new Member(64, 32, "struct task_struct *[4]"));
        assertThat(members.get("row").type()).isEqualTo("int (*)[3]");
        assertThat(members.get("rcu").type()).isEqualTo("struct task_struct *");
        assertThat(members.get("changing").type()).isEqualTo("volatile int");
        assertThat(members.get("any").type()).isEqualTo("void *");
        assertThat(members.get("state")).isEqualTo(new Member(128, 4, "enum state"));
        assertThat(members.get("real")).isEqualTo(new Member(136, 8, "double"));
        assertThat(members.get("last")).isEqualTo(new Member(512, 0, "long unsigned int[]"));
    }

    @Test
    void givesEnumerators() throws BtfException {
        blob.enumeration("pid_type", "PIDTYPE_PID", 0, "PIDTYPE_MAX", 4, "PIDTYPE_BAD", -1);
        blob.enumeration64("big", "BIG", 0x1_0000_0002L);
        assertThat(BtfLayouts.constants(Btf.open(blob.bytes()), name -> name.startsWith("PIDTYPE")))
                .isEqualTo(Map.of("PIDTYPE_PID", 0L, "PIDTYPE_MAX", 4L, "PIDTYPE_BAD", -1L));
        assertThat(BtfLayouts.constants(Btf.open(blob.bytes()), "BIG"::equals))
                .isEqualTo(Map.of("BIG", 0x1_0000_0002L));
    }

    @Test
    void givesEverythingForTwoStars() {
        int inner = blob.struct("", 8).add("deep", ulong, 0).end();
        blob.struct("outer", 16).add("named", inner, 8).add("a", int32, 0).end();
        blob.simple(Kind.TYPEDEF, "outer_t", 6);
        blob.simple(Kind.TYPEDEF, "bare_t", blob.union("", 4).add("x", int32, 0).end());
        Map<String, StructLayout> structs = structs("*.*");
        assertThat(structs).containsOnlyKeys("outer", "outer.named", "bare_t");
        assertThat(structs.get("outer").members()).containsOnlyKeys("a", "named");
        assertThat(structs.get("outer.named").members()).containsOnlyKeys("deep");
        assertThat(structs("outer.*")).containsOnlyKeys("outer", "outer.named");
    }

    @Test
    void takesOfSeveralStructuresWithOneTagTheOneThatHasTheMember() {
        blob.struct("twin", 4).add("mine", int32, 0).end();
        blob.struct("twin", 8).add("yours", ulong, 0).end();
        assertThat(structs("twin.yours").get("twin").members()).containsOnlyKeys("yours");
    }

    @Test
    void knowsThePointerSizeOf32BitKernels() throws BtfException {
        BtfBlob small = new BtfBlob();
        small.integer("long unsigned int", 4);
        small.struct("s", 8).add("p", small.pointer(0), 4).end();
        Btf btf = Btf.open(small.bytes());
        assertThat(btf.pointerSize()).isEqualTo(4);
        assertThat(BtfLayouts.of(btf, Set.of("s.p")).structs().get("s").members().get("p"))
                .isEqualTo(new Member(4, 4, "void *"));
    }

    @Test
    void rejectsLyingLengths() {
        blob.struct("s", 8).add("a", int32, 0).end();
        byte[] good = blob.bytes();
        for (int field = 4; field < 24; field += 4) {
            for (int lie : new int[] {-1, Integer.MAX_VALUE, Integer.MIN_VALUE, good.length, 1 << 30}) {
                byte[] bad = good.clone();
                for (int i = 0; i < 4; i++) {
                    bad[field + i] = (byte) (lie >>> 8 * i);
                }
                assertThatThrownBy(() -> Btf.open(bad)).isInstanceOf(BtfException.class);
            }
        }
        for (int length = 0; length < good.length; length++) {
            byte[] truncated = Arrays.copyOf(good, length);
            assertThatThrownBy(() -> Btf.open(truncated)).isInstanceOf(BtfException.class);
        }
    }

    @Test
    void rejectsTypesThatGoBeyondTheirSection() {
        blob.raw(0, Kind.STRUCT.ordinal() << 24 | 0xffff, 8);
        assertThatThrownBy(() -> Btf.open(blob.bytes())).hasMessageContaining("BTF type 5 goes beyond");
    }

    @Test
    void rejectsUnknownKindsAndReferencesToNothing() {
        assertThatThrownBy(() -> open(new int[] {0, 31 << 24, 0})).hasMessageContaining("unknown kind 31");
        assertThatThrownBy(() -> open(new int[] {0, Kind.PTR.ordinal() << 24, 77})).hasMessageContaining("not there");
        assertThatThrownBy(() -> open(new int[] {0, Kind.PTR.ordinal() << 24, -1})).hasMessageContaining("not there");
        assertThatThrownBy(() -> open(new int[] {99999, Kind.FLOAT.ordinal() << 24, 8}))
                .hasMessageContaining("not there");
    }

    private static Btf open(int[] words) throws BtfException {
        BtfBlob one = new BtfBlob();
        one.raw(words[0], words[1], words[2]);
        return Btf.open(one.bytes());
    }

    @Test
    void rejectsStringsWithoutAnEnd() {
        byte[] bytes = blob.bytes();
        bytes[bytes.length - 1] = 'x';
        assertThatThrownBy(() -> Btf.open(bytes)).hasMessageContaining("NUL");
    }

    @Test
    void leavesOutStructuresThatContradictThemselves() {
        blob.struct("outside", 8).add("far", ulong, 4).end();
        blob.struct("negative", -8).add("a", int32, 0).end();
        blob.struct("huge", 100).add("table", blob.array(blob.array(ulong, 1 << 30), 1 << 30), 0).end();
        blob.struct("good", 4).add("a", int32, 0).end();
        BtfLayouts layouts = layouts("outside.*", "negative.*", "huge.*", "good.*");
        assertThat(layouts.structs()).containsOnlyKeys("good");
        assertThat(layouts.problems()).hasSize(3).anyMatch(p -> p.startsWith("outside: member far lies outside"));
    }

    @Test
    void endsOnTypesInACircle() {
        int next = int32 + 4;
        blob.simple(Kind.TYPEDEF, "a", next + 1);
        blob.simple(Kind.TYPEDEF, "b", next);
        int array = blob.array(next + 3, 2);
        blob.simple(Kind.CONST, "", array);
        int pointer = next + 4;
        blob.pointer(pointer);
        // A structure that holds itself without a name, thousands of times.
        int self = next + 5;
        BtfBlob.Members members = blob.struct("", 64);
        for (int i = 0; i < 3000; i++) {
            members.add("", self, 0);
        }
        members.end();
        int function = blob.function(next + 6);
        blob.raw(0, Kind.FUNC_PROTO.ordinal() << 24 | 12, function + 1, new int[24]);
        int wide = blob.function(int32, wideSelf(function + 2));
        blob.struct("s1", 64).add("a", next, 0).end();
        blob.struct("s2", 64).add("a", array, 0).end();
        blob.struct("s3", 64).add("a", pointer, 0).end();
        blob.struct("s4", 64).add("", self, 0).end();
        blob.struct("s5", 64).add("a", blob.pointer(wide), 0).end();
        assertTimeoutPreemptively(Duration.ofSeconds(120), () -> {
            BtfLayouts layouts = layouts("s1.*", "s2.*", "s3.*", "s4.*", "s5.*", "a.x", "b.y.z");
            assertThat(layouts.structs().get("s3").members()).containsOnlyKeys("a");
            assertThat(layouts.problems()).anyMatch(p -> p.startsWith("s1")).anyMatch(p -> p.startsWith("s2"))
                    .anyMatch(p -> p.startsWith("s4"));
        });
    }

    /** Parameters that are all the function itself. */
    private static int[] wideSelf(int id) {
        int[] parameters = new int[12];
        Arrays.fill(parameters, id);
        return parameters;
    }

    @Test
    void neverLeavesTheBlobWhateverBitsAreFlipped() {
        int list = blob.struct("list_head", 16).add("next", blob.pointer(5), 0).end();
        blob.struct("task_struct", 512).add("tasks", list, 40).add("comm", blob.array(character, 16), 200)
                .bits("flag", uint32, 77, 2).end();
        blob.enumeration("pid_type", "PIDTYPE_PID", 0);
        byte[] good = blob.bytes();
        Random random = new Random(7);
        assertTimeoutPreemptively(Duration.ofSeconds(120), () -> {
            for (int round = 0; round < 5_000; round++) {
                byte[] bad = good.clone();
                for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                    bad[random.nextInt(bad.length)] ^= (byte) (1 << random.nextInt(8));
                }
                try {
                    BtfLayouts.of(Btf.open(bad), List.of("*.*")).structs();
                } catch (BtfException rejected) {
                    assertThat(rejected.getMessage()).isNotEmpty();
                }
            }
        });
    }
}
