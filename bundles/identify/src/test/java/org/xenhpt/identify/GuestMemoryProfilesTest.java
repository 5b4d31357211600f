// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.identify.btf.BtfBlob;
import org.xenhpt.identify.kallsyms.KallsymsEncodings;
import org.xenhpt.testkit.FakeGuest;
import org.xenhpt.testkit.FakeMemory;
import org.xenhpt.translation.X86Translator;

class GuestMemoryProfilesTest {
    private static final long MIB = 1 << 20;
    private static final long KALLSYMS = FakeKernel.READ_ONLY + 0x10000;
    private static final long BTF = FakeKernel.READ_ONLY + 0x100002;
    private static final Needs NEEDS = new Needs(Set.of("init_task", "current_task", "no_such"),
            Set.of("task_struct.se.sum", "task_struct.comm"), Set.of("PIDTYPE_MAX"));

    private final FakeMemory memory = new FakeMemory(48 * MIB);
    private final FakeGuest guest = new FakeGuest(memory);
    private final X86Translator translator = new X86Translator();
    private FakeKernel kernel;

    @BeforeEach
    void boot() {
        kernel = new FakeKernel(memory, PagingMode.LEVEL_4, 20 * MIB, 0x13200000).named().protectedText()
                .vmcoreinfoAt(2 * MIB);
    }

    /** A blob with as many types as a kernel has at least. */
    private static byte[] btf() {
        BtfBlob blob = new BtfBlob();
        int character = blob.integer("char", 1);
        int u64 = blob.integer("long unsigned int", 8);
        int entity = blob.struct("sched_entity", 64).add("sum", u64, 24).end();
        blob.struct("task_struct", 2048).add("se", entity, 128).add("comm", blob.array(character, 16), 1000).end();
        blob.enumeration("pid_type", "PIDTYPE_PID", 0, "PIDTYPE_MAX", 4);
        for (int i = 0; i < 1000; i++) {
            blob.struct("s" + i, 8).add("m", u64, 0).end();
        }
        return blob.bytes();
    }

    private void putKallsyms(Map<String, Long> more) {
        kernel.put(KALLSYMS, KallsymsEncodings.modern(kernel.symbols(more), kernel.gvaOf(KALLSYMS)));
    }

    private Map<String, Long> dataSymbols() {
        Map<String, Long> symbols = new HashMap<>();
        symbols.put("init_task", kernel.gvaOf(FakeKernel.DATA + 0x9000));
        symbols.put("current_task", 0x1fb80L);
        return symbols;
    }

    private KernelIdentity identity() {
        return new LinuxIdentifier(translator).identify(guest, Progress.NONE);
    }

    private Profile find(KernelIdentity identity) {
        AddressSpace space = translator.open(memory, identity.paging(), identity.rootGpa());
        return new GuestMemoryProfiles().find(guest, identity, space, NEEDS, Progress.NONE).orElseThrow();
    }

    private HptException failure() {
        KernelIdentity identity = identity();
        HptException failure = catchThrowableOfType(HptException.class, () -> find(identity));
        assertThat(failure).isNotNull();
        assertThat(failure.reason()).isEqualTo(Reason.NO_PROFILE);
        assertThat(failure.next()).contains("hpt profile make");
        return failure;
    }

    private static void check(Profile profile, KernelIdentity identity, FakeKernel kernel) {
        assertThat(profile.kernel().matches(identity)).isTrue();
        assertThat(profile.kernel()).isEqualTo(new KernelMatch(identity.architecture(), FakeKernel.RELEASE,
                FakeKernel.BANNER, FakeKernel.BUILD_ID));
        assertThat(profile.origin().source()).isEqualTo("guest-memory");
        assertThat(profile.symbols()).isEqualTo(Map.of("init_task",
                kernel.gvaOf(FakeKernel.DATA + 0x9000) - kernel.kaslr, "current_task", 0x1fb80L));
        assertThat(profile.member("task_struct", "se.sum")).contains(new Member(152, 8, "long unsigned int"));
        assertThat(profile.member("task_struct", "comm")).contains(new Member(1000, 16, "char[16]"));
        assertThat(profile.constants()).isEqualTo(Map.of("PIDTYPE_MAX", 4L));
        Kernel running = new Kernel(identity, profile);
        assertThat(running.symbol("init_task")).isEqualTo(kernel.gvaOf(FakeKernel.DATA + 0x9000));
        assertThat(running.symbol("current_task")).isEqualTo(0x1fb80L);
    }

    @Test
    void makesAProfileOfBtfAndKallsyms() {
        byte[] blob = btf();
        Map<String, Long> symbols = dataSymbols();
        symbols.put("__start_BTF", kernel.put(BTF, blob));
        symbols.put("__stop_BTF", kernel.gvaOf(BTF) + blob.length);
        putKallsyms(symbols);
        KernelIdentity identity = identity();
        check(find(identity), identity, kernel);
    }

    @Test
    void givesAllThatTheKernelTells() {
        kernel.put(BTF, btf());
        putKallsyms(dataSymbols());
        KernelIdentity identity = identity();
        AddressSpace space = translator.open(memory, identity.paging(), identity.rootGpa());
        Profile all = new GuestMemoryProfiles().find(guest, identity, space, Needs.ALL, Progress.NONE).orElseThrow();
        assertThat(all.symbols()).hasSizeGreaterThan(5000).containsEntry("_text", 0xffffffff81000000L)
                .containsEntry("current_task", 0x1fb80L);
        assertThat(all.structs()).hasSize(1002);
        assertThat(all.constants()).isEqualTo(Map.of("PIDTYPE_PID", 0L, "PIDTYPE_MAX", 4L));
    }

    @Test
    void findsBtfByItsMagicNumberWhereNoSymbolTells() {
        kernel.put(BTF, btf());
        putKallsyms(dataSymbols());
        KernelIdentity identity = identity();
        check(find(identity), identity, kernel);
    }

    @Test
    void usesTheBtfOfTheImageWhateverCopiesLieInMemory() {
        byte[] blob = btf();
        byte[] damaged = blob.clone();
        for (int i = blob.length / 2; i < blob.length; i++) {
            damaged[i] = 0;
        }
        memory.putBytes(4 * MIB, damaged);
        // A module's, small and whole, and the beginning of one, in the image before the kernel's own.
        kernel.put(BTF - 0x20000, new BtfBlob().bytes());
        kernel.put(BTF - 0x10000, Arrays.copyOf(blob, 64));
        kernel.put(BTF, blob);
        putKallsyms(dataSymbols());
        KernelIdentity identity = identity();
        check(find(identity), identity, kernel);
    }

    @Test
    void saysWhenThereIsNoBtf() {
        putKallsyms(dataSymbols());
        assertThat(failure().detail()).contains("no BTF").doesNotContain("kallsyms");
    }

    @Test
    void saysWhenBtfIsDamaged() {
        byte[] blob = btf();
        Map<String, Long> symbols = dataSymbols();
        symbols.put("__start_BTF", kernel.gvaOf(BTF));
        symbols.put("__stop_BTF", kernel.gvaOf(BTF) + blob.length);
        blob[12] ^= 0x40;
        kernel.put(BTF, blob);
        putKallsyms(symbols);
        HptException failure = failure();
        assertThat(failure.detail()).contains("no BTF");
        assertThat(failure.tried()).anyMatch(t -> t.startsWith("BTF at GVA 0x"));
    }

    @Test
    void saysWhenKallsymsHasNoDataSymbols() {
        kernel.put(BTF, btf());
        putKallsyms(Map.of());
        assertThat(failure().detail()).contains("no data symbols among the 5004 of its kallsyms")
                .doesNotContain("no BTF");
    }

    @Test
    void saysWhenThereAreNeither() {
        assertThat(failure().detail()).contains("no BTF").contains("no readable kallsyms");
    }

    @Test
    void leavesOutSymbolsThatNobodyAskedFor() {
        kernel.put(BTF, btf());
        putKallsyms(dataSymbols());
        assertThat(find(identity()).symbols()).doesNotContainKey("linux_banner");
    }

    private Profile learn() {
        byte[] blob = btf();
        Map<String, Long> symbols = dataSymbols();
        symbols.put("__start_BTF", kernel.put(BTF, blob));
        symbols.put("__stop_BTF", kernel.gvaOf(BTF) + blob.length);
        putKallsyms(symbols);
        return find(identity());
    }

    private Optional<Profile> confirm(Profile learnt) {
        KernelIdentity identity = identity();
        AddressSpace space = translator.open(memory, identity.paging(), identity.rootGpa());
        return new GuestMemoryProfiles().confirm(learnt, guest, identity, space, Progress.NONE);
    }

    @Test
    void whatWasLearntIsConfirmedByTheSameBytes() {
        Profile learnt = learn();
        assertThat(learnt.origin().proof()).isNotEmpty();
        assertThat(confirm(learnt)).contains(learnt);
    }

    /** The build id and the banner are what a guest says; the bytes are what its profile is made of. */
    @Test
    void whatWasLearntOfAnotherGuestThatSaysToRunTheSameBuildIsNotBelieved() {
        Profile learnt = learn();
        long types = kernel.gpa + BTF + 24;
        for (long at : new long[] {types + 40, kernel.gpa + BTF + 100, kernel.gpa + KALLSYMS + 3000}) {
            long before = memory.getLong(at);
            memory.putLong(at, before ^ 1L << 17);
            assertThat(confirm(learnt)).isEmpty();
            memory.putLong(at, before);
        }
        assertThat(confirm(learnt)).isPresent();
    }

    @Test
    void whatWasLearntWithAnotherProofIsNotBelieved() {
        Profile learnt = learn();
        String proof = learnt.origin().proof();
        String[] parts = proof.split(" ");
        for (String other : new String[] {"", "tasks", parts[0], parts[0] + " 0 0 0+1", "0" + proof,
            proof.replace(parts[0], "ffffffff81000000"), proof + " ffffffff81000000+ffffffff", proof + " 0+10",
            proof.substring(0, proof.length() - 1)}) {
            Origin origin = new Origin(learnt.origin().source(), "", "", 1, other);
            assertThat(confirm(new Profile(learnt.name(), learnt.kernel(), origin, learnt.symbols(), learnt.structs(),
                    learnt.constants()))).as(other).isEmpty();
        }
        Origin inferred = new Origin("inference", "", "", 1, proof);
        assertThat(confirm(new Profile(learnt.name(), learnt.kernel(), inferred, learnt.symbols(), learnt.structs(),
                learnt.constants()))).as("made by another source").isEmpty();
    }

    @Test
    void whatWasLearntIsConfirmedWhereKaslrPutTheKernelElsewhere() {
        Profile learnt = learn();
        for (long gpa = 20 * MIB; gpa < 28 * MIB; gpa += 8) {
            memory.putLong(gpa, 0);
        }
        kernel = new FakeKernel(memory, PagingMode.LEVEL_4, 32 * MIB, 0x5000000).named().protectedText()
                .vmcoreinfoAt(2 * MIB);
        Profile anew = learn();
        assertThat(anew.symbols()).isEqualTo(learnt.symbols());
        assertThat(confirm(learnt)).contains(learnt);
    }
}
