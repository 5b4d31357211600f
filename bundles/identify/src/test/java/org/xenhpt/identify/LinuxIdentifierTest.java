// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.Clue;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.testkit.FakeGuest;
import org.xenhpt.testkit.FakeMemory;
import org.xenhpt.testkit.FakePageTables;
import org.xenhpt.translation.X86Translator;

class LinuxIdentifierTest {
    private static final long MIB = 1 << 20;
    private static final long GPA = 20 * MIB;
    private static final long KASLR = 0x13200000;
    /** A page of its own, as kernels since 4.13 have it. */
    private static final long PAGE = 2 * MIB;

    private final FakeMemory memory = new FakeMemory(48 * MIB);
    private final LinuxIdentifier identifier = new LinuxIdentifier(new X86Translator());

    private KernelIdentity identify() {
        return identify(memory);
    }

    private KernelIdentity identify(PhysicalMemory of) {
        return assertTimeoutPreemptively(Duration.ofSeconds(120),
                () -> identifier.identify(new FakeGuest(of), Progress.NONE));
    }

    private HptException failure(PhysicalMemory of) {
        HptException failure = catchThrowableOfType(HptException.class, () -> identify(of));
        assertThat(failure).isNotNull();
        assertThat(failure.reason()).isEqualTo(Reason.NOT_IDENTIFIED);
        assertThat(failure.next()).isNotEmpty();
        return failure;
    }

    private FakeKernel kernel(PagingMode mode) {
        return new FakeKernel(memory, mode, GPA, KASLR).named();
    }

    private static void check(KernelIdentity found, FakeKernel kernel) {
        assertThat(found.release()).isEqualTo(kernel.release);
        assertThat(found.banner()).isEqualTo("Linux version " + kernel.release + " (me@here) (cc 1.0) "
                + kernel.version);
        assertThat(found.architecture())
                .isEqualTo(kernel.mode.pointerSize() == 8 ? Architecture.X86_64 : Architecture.I386);
        assertThat(found.paging()).isEqualTo(kernel.mode);
        assertThat(found.rootGpa()).isEqualTo(kernel.tables.root());
        assertThat(found.kaslrOffset()).isEqualTo(kernel.kaslr);
        assertThat(found.physBase()).isEqualTo(kernel.physBase());
        assertThat(found.imageStart()).isEqualTo(kernel.gva);
        assertThat(found.symbols()).containsEntry("linux_banner", kernel.gvaOf(FakeKernel.BANNER_AT));
    }

    @ParameterizedTest
    @EnumSource(PagingMode.class)
    void findsAKernelByItsVmcoreinfo(PagingMode mode) {
        FakeKernel kernel = kernel(mode).vmcoreinfoAt(PAGE);
        KernelIdentity found = identify();
        check(found, kernel);
        assertThat(found.buildId()).isEqualTo(FakeKernel.BUILD_ID);
        assertThat(found.symbols()).containsEntry("_stext", kernel.gva);
        assertThat(found.imageEnd()).isGreaterThan(kernel.gvaOf(FakeKernel.UTS_AT))
                .isLessThanOrEqualTo(kernel.gvaOf(FakeKernel.SIZE));
        assertThat(found.findings()).extracting(Finding::what).containsExactly("kernel", "banner", "build id",
                "architecture", "paging", "KASLR offset", "physical base", "page tables");
    }

    @ParameterizedTest
    @EnumSource(names = {"LEVEL_4", "LEVEL_5"})
    void findsAKernelByItsPageTablesAlone(PagingMode mode) {
        FakeKernel kernel = kernel(mode).protectedText();
        KernelIdentity found = identify();
        check(found, kernel);
        assertThat(found.buildId()).isEmpty();
        assertThat(found.imageEnd()).isEqualTo(kernel.gvaOf(FakeKernel.SIZE));
    }

    @Test
    void findsAKernelThatHasNotYetProtectedItsText() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        check(identify(), kernel);
        check(identify(), kernel.vmcoreinfoAt(PAGE));
    }

    @Test
    void findsAKernelThatProtectsNothingButWhatItFreed() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        kernel.protect(kernel.gvaOf(FakeKernel.TABLES_AT), 1);
        check(identify(), kernel);
    }

    private Optional<KernelIdentity> again(String place) {
        return identifier.identifyAt(place, new FakeGuest(new Unsearchable(memory)), Progress.NONE);
    }

    @ParameterizedTest
    @EnumSource(PagingMode.class)
    void looksOnlyWhereAKernelWasBefore(PagingMode mode) {
        long inImage = GPA + FakeKernel.OLD_VMCOREINFO_AT;
        FakeKernel kernel = kernel(mode).vmcoreinfoAt(inImage);
        KernelIdentity found = identify();
        assertThat(again(found.place())).hasValueSatisfying(again -> {
            check(again, kernel);
            assertThat(again.buildId()).isEqualTo(FakeKernel.BUILD_ID);
            assertThat(again.place()).isEqualTo(found.place());
            assertThat(again.symbols()).isEqualTo(found.symbols());
        });
        for (long damaged : new long[] {inImage, GPA + FakeKernel.UTS_AT, GPA + FakeKernel.BANNER_AT, kernel.tables.root()}) {
            byte[] was = new byte[4096];
            memory.read(damaged, was, 0, was.length);
            memory.putBytes(damaged, new byte[was.length]);
            assertThat(again(found.place())).as("without what is at GPA 0x%x", damaged).isEmpty();
            memory.putBytes(damaged, was);
        }
        assertThat(again(found.place())).isPresent();
    }

    @ParameterizedTest
    @EnumSource(names = {"LEVEL_4", "LEVEL_5"})
    void looksWhereAKernelWasThatHasNoVmcoreinfo(PagingMode mode) {
        FakeKernel kernel = kernel(mode).protectedText();
        KernelIdentity found = identify();
        assertThat(again(found.place())).hasValueSatisfying(again -> check(again, kernel));
        kernel.named("6.6.6-other", FakeKernel.VERSION);
        assertThat(again(found.place())).as("another kernel's names are there now").hasValueSatisfying(again ->
                assertThat(again.release()).isEqualTo("6.6.6-other"));
        memory.putByte(GPA + FakeKernel.BANNER_AT + 20, '!');
        assertThat(again(found.place())).isEmpty();
    }

    @Test
    void aKernelThatPanickedIsNotLookedForWhereItWas() {
        long inImage = GPA + FakeKernel.OLD_VMCOREINFO_AT;
        FakeKernel kernel = kernel(PagingMode.LEVEL_4).vmcoreinfoAt(inImage);
        String place = identify().place();
        Map<String, String> lines = kernel.vmcoreinfoLines();
        lines.put("CRASHTIME", "1700000000");
        kernel.vmcoreinfoAt(inImage, lines);
        assertThat(again(place)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1", "1 LEVEL_4 0 0 0 0 0 0", "1 LEVEL_9 0 0 0 -1 0 0", "2 LEVEL_4 0 0 0 -1 0 0",
        "1 LEVEL_5 ffffffffffffffe0 0 0 -1 0 0", "1 PAE 1400000 c0000000 0 -1 ffffffffffffffff ffffffffffffffff",
        "1 X86_32 1400000 ffffffffffffffff ffffffffffffffff 7fffffffffffffff 0 0"})
    void aPlaceThatMakesNoSenseIsNone(String place) {
        assertThat(identifier.identifyAt(place, new FakeGuest(memory), Progress.NONE)).isEmpty();
    }

    @Test
    void findsVmcoreinfoInsideAnElfNote() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        memory.putInt(PAGE, 11).putInt(PAGE + 4, 2000).putInt(PAGE + 8, 0).putString(PAGE + 12, "VMCOREINFO");
        kernel.vmcoreinfoAt(PAGE + 24);
        assertThat(identify().buildId()).isEqualTo(FakeKernel.BUILD_ID);
    }

    @Test
    void findsOldKernelsWhoseVmcoreinfoIsInTheImageAndTellsNoPhysBase() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4).protectedText();
        Map<String, String> lines = kernel.vmcoreinfoLines();
        lines.remove("NUMBER(phys_base)");
        lines.remove("OFFSET(uts_namespace.name)");
        kernel.vmcoreinfoAt(GPA + FakeKernel.OLD_VMCOREINFO_AT, lines);
        KernelIdentity found = identify();
        check(found, kernel);
        assertThat(found.symbols()).containsEntry("init_uts_ns", kernel.gvaOf(FakeKernel.UTS_AT));
    }

    @Test
    void findsOldI386KernelsWhoseVmcoreinfoBeginsNoPage() {
        FakeKernel kernel = kernel(PagingMode.PAE);
        kernel.vmcoreinfoAt(GPA + FakeKernel.OLD_VMCOREINFO_AT);
        check(identify(), kernel);
    }

    @Test
    void findsTheNamesWhereVmcoreinfoDoesNotSayWhereTheyAre() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        Map<String, String> lines = kernel.vmcoreinfoLines();
        lines.remove("OFFSET(uts_namespace.name)");
        // They follow a reference count.
        lines.put("SYMBOL(init_uts_ns)", Long.toHexString(kernel.gvaOf(FakeKernel.UTS_AT) - 4));
        kernel.vmcoreinfoAt(PAGE, lines);
        check(identify(), kernel);
    }

    @Test
    void believesTheVmcoreinfoThatComesWithAnImage() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_5);
        String text = FakeKernel.text(kernel.vmcoreinfoLines());
        PhysicalMemory hidden = new Unsearchable(memory);
        KernelIdentity found = identifier.identify(new FakeGuest(hidden, List.of(), Optional.of(text)), Progress.NONE);
        check(found, kernel);
    }

    /** Memory whose ranges may be asked for, and that notices when it is read from the beginning. */
    private record Unsearchable(FakeMemory memory) implements PhysicalMemory {
        @Override
        public List<MemoryRange> ranges() {
            return memory.ranges();
        }

        @Override
        public boolean live() {
            return false;
        }

        @Override
        public MemoryWindow window(long gpa) {
            assertThat(gpa).as("memory is not searched when the image tells").isGreaterThanOrEqualTo(GPA);
            return memory.window(gpa);
        }
    }

    @Test
    void searchesWhenTheVmcoreinfoThatComesWithAnImageIsWrong() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4).vmcoreinfoAt(PAGE);
        for (String hint : new String[] {"", "garbage", "OSRELEASE=1.2.3\n",
            FakeKernel.text(kernel.vmcoreinfoLines()).replace(FakeKernel.RELEASE, "9.9.9")}) {
            check(identifier.identify(new FakeGuest(memory, List.of(), Optional.of(hint)), Progress.NONE), kernel);
        }
    }

    @Test
    void isNotMisledByVmcoreinfoOfAnEarlierBoot() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        Map<String, String> stale = kernel.vmcoreinfoLines();
        stale.put("SYMBOL(_stext)", "ffffffffa0000000");
        stale.put("SYMBOL(init_uts_ns)", "ffffffffa1000000");
        stale.put("SYMBOL(swapper_pg_dir)", "ffffffffa1800000");
        kernel.vmcoreinfoAt(MIB, stale);
        kernel.vmcoreinfoAt(PAGE);
        kernel.vmcoreinfoAt(3 * MIB, stale);
        check(identify(), kernel);
    }

    @ParameterizedTest
    @ValueSource(strings = {"OSRELEASE=6.6.6", "SYMBOL(init_uts_ns)=ffffffff9f000000", "SYMBOL(swapper_pg_dir)=0",
        "SYMBOL(swapper_pg_dir)=ffffffffffffffff", "SYMBOL(_stext)=8000000000000000", "NUMBER(phys_base)=-1",
        "NUMBER(phys_base)=9223372036854775807", "OFFSET(uts_namespace.name)=-9223372036854775808",
        "SYMBOL(swapper_pg_dir)=c0000000"})
    void rejectsAForgedVmcoreinfoAndFindsTheKernelAllTheSame(String forged) {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        Map<String, String> lines = kernel.vmcoreinfoLines();
        lines.put(forged.substring(0, forged.indexOf('=')), forged.substring(forged.indexOf('=') + 1));
        kernel.vmcoreinfoAt(PAGE, lines);
        KernelIdentity found = identify();
        check(found, kernel);
        assertThat(found.buildId()).as("nothing of the forged text is believed").isEmpty();
    }

    @Test
    void distrustsAKernelOffsetThatCannotBe() {
        for (String offset : new String[] {"123", "ffffffff00000000", "7fffffffffffffff"}) {
            FakeKernel kernel = kernel(PagingMode.LEVEL_4);
            Map<String, String> lines = kernel.vmcoreinfoLines();
            lines.put("KERNELOFFSET", offset);
            kernel.vmcoreinfoAt(PAGE, lines);
            check(identify(), kernel);
        }
    }

    @Test
    void isNotMisledByBannersElsewhereInMemory() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4).vmcoreinfoAt(PAGE);
        memory.putString(MIB, "Linux version 4.4.4 (me@here) (cc 1.0) #1 SMP Old\n");
        memory.putString(GPA + FakeKernel.READ_ONLY, "Linux version " + FakeKernel.RELEASE + " (evil) #2 SMP\n");
        check(identify(), kernel);
    }

    @Test
    void rejectsAKernelWithoutTheBannerOfItsBuild() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4).vmcoreinfoAt(PAGE);
        memory.putByte(kernel.gpa + FakeKernel.BANNER_AT, 'X');
        HptException failure = failure(memory);
        assertThat(failure.tried()).anyMatch(t -> t.contains("holds no banner of " + FakeKernel.RELEASE));
    }

    @Test
    void doesNotTakeTheFourthLevelOfA5LevelKernelForARoot() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_5).protectedText();
        MemorySearch search = new MemorySearch(memory, new Ram(memory), Progress.NONE);
        search.pages();
        assertThat(search.tables()).extracting(MemorySearch.TableCopy::mode)
                .as("both are met in the image").contains(PagingMode.LEVEL_4, PagingMode.LEVEL_5);
        check(identify(), kernel);
    }

    @Test
    void takesTheKernelsOwnTableNotAProcesss() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4).protectedText();
        // A process's table shares the entries of the kernel's half; it lies outside of the image.
        for (int entry = 256; entry < 512; entry++) {
            memory.putLong(4 * MIB + entry * 8, memory.getLong(kernel.tables.root() + entry * 8));
        }
        check(identify(), kernel);
    }

    @Test
    void takesTheTableWithTheDirectMap() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4).protectedText();
        // early_top_pgt, or the user half beside the kernel's table: in the image, with the image, without memory.
        long early = GPA + FakeKernel.DATA + 0x2000;
        memory.putLong(early + 511 * 8, memory.getLong(kernel.tables.root() + 511 * 8));
        check(identify(), kernel);
    }

    @Test
    void prefersTheKernelThatHasNotCrashed() {
        FakeKernel crashed = kernel(PagingMode.LEVEL_4);
        Map<String, String> lines = crashed.vmcoreinfoLines();
        lines.put("CRASHTIME", "1700000000");
        // The copy that a kernel keeps for its crash kernel has the time of the panic, its first one has not.
        crashed.vmcoreinfoAt(MIB).vmcoreinfoAt(PAGE, lines).vmcoreinfoAt(3 * MIB);
        check(identify(), crashed);

        FakeKernel second = new FakeKernel(memory, PagingMode.LEVEL_4, 36 * MIB, 0x8000000)
                .named("6.1.0-8-crash", FakeKernel.VERSION).vmcoreinfoAt(PAGE + 4096);
        KernelIdentity found = identify();
        check(found, second);
        assertThat(found.findings()).anyMatch(f -> f.what().equals("other kernel")
                && f.value().contains(FakeKernel.RELEASE) && f.how().contains("panic"));
        assertThat(identifier.identifyAll(new FakeGuest(memory), Progress.NONE)).as("one that crashed runs no more").hasSize(1);
    }

    @Test
    void prefersTheKernelWhoseClockStandsLatest() {
        FakeKernel old = kernel(PagingMode.LEVEL_4).vmcoreinfoAt(PAGE);
        FakeKernel running = new FakeKernel(memory, PagingMode.LEVEL_4, 36 * MIB, 0x8000000)
                .named("6.1.0-8-later", FakeKernel.VERSION).vmcoreinfoAt(PAGE + 4096);
        wallToMonotonic(old, 1_700_000_000L);
        wallToMonotonic(running, 1_700_000_060L);
        KernelIdentity found = identify();
        check(found, running);
        assertThat(found.findings()).anyMatch(f -> f.what().equals("other kernel") && f.how().contains("60 s before"));
        List<KernelIdentity> all = identifier.identifyAll(new FakeGuest(memory), Progress.NONE);
        assertThat(all).hasSize(2);
        check(all.get(0), running);
        check(all.get(1), old);
        assertThat(all.get(1).findings()).noneMatch(f -> f.what().equals("other kernel"));

        wallToMonotonic(old, 1_700_000_061L);
        check(identify(), old);
    }

    /** The time is told by what surrounds wall_to_monotonic, in the form of either width. */
    @ParameterizedTest
    @EnumSource(names = {"LEVEL_4", "PAE", "X86_32"})
    void ofTwoKernelsTheOneWhoseClockStandsLatestRuns(PagingMode mode) {
        FakeKernel old = kernel(mode).vmcoreinfoAt(PAGE);
        FakeKernel running = new FakeKernel(memory, mode, 36 * MIB, 0x8000000).named("6.1.0-8-later", FakeKernel.VERSION)
                .vmcoreinfoAt(PAGE + 4096);
        wallToMonotonic(old, 1_700_000_000L);
        wallToMonotonic(running, 1_700_000_060L);
        check(identify(), running);
        wallToMonotonic(old, 1_700_000_061L);
        check(identify(), old);
    }

    private static void wallToMonotonic(FakeKernel kernel, long seconds) {
        long at = kernel.gpa + FakeKernel.DATA + 0x8000;
        int pointer = kernel.mode.pointerSize();
        long booted = 1_699_999_000L;
        kernel.memory.putLong(at - 32, seconds).putLong(at, -booted).putInt(at + 8, 250_000_000)
                .putLong(at + 8 + pointer, booted * 1_000_000_000L - 250_000_000L);
    }

    @ParameterizedTest
    @EnumSource(names = {"PAE", "X86_32"})
    void findsI386KernelsWithoutVmcoreinfoByTheirPageTables(PagingMode mode) {
        FakeKernel kernel = kernel(mode);
        // A process's table maps low memory as well, and something below.
        FakePageTables process = new FakePageTables(memory, mode, 8 * MIB);
        process.map(0xc0000000L, 0, 32 * MIB, mode == PagingMode.PAE ? 2 * MIB : 4 * MIB)
                .map(0x8048000L, 0x5000, 4096, 4096);
        // A text of another kernel that a process holds.
        memory.putString(3 * MIB, "Linux version 9.9.9-forged (me@here) (cc 1.0) " + FakeKernel.VERSION + "\n");
        KernelIdentity found = identify();
        assertThat(found.release()).isEqualTo(kernel.release);
        assertThat(found.paging()).isEqualTo(mode);
        assertThat(found.rootGpa()).isEqualTo(kernel.tables.root());
        assertThat(found.symbols()).containsEntry("linux_banner", kernel.gvaOf(FakeKernel.BANNER_AT));
        assertThat(found.imageStart()).isLessThanOrEqualTo(kernel.gva);
        assertThat(found.imageEnd()).isGreaterThanOrEqualTo(kernel.gvaOf(FakeKernel.TABLES_AT));
    }

    /**
     * As in 2.6.24: pointers that are not used lead to empty_zero_page, and what the kernel booted with, a directory of
     * 32-bit paging, is still in the page. Either way of finding it.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void findsAPaeKernelWhoseUnusedPointersLeadToTheZeroPage(boolean vmcoreinfo) {
        FakeKernel kernel = kernel(PagingMode.PAE);
        long zeroes = kernel.gpa - 4096;
        for (int i = 0; i < 3; i++) {
            memory.putLong(kernel.tables.root() + 8 * i, zeroes | 1);
        }
        for (int i = 0; i < 12; i++) {
            memory.putInt(kernel.tables.root() + 4 * (0x300 + i), i << 22 | 0x83);
        }
        if (vmcoreinfo) {
            kernel.vmcoreinfoAt(PAGE);
        }
        KernelIdentity found = identify();
        assertThat(found.release()).isEqualTo(kernel.release);
        assertThat(found.paging()).isEqualTo(PagingMode.PAE);
        assertThat(found.rootGpa()).isEqualTo(kernel.tables.root());
        // What leads to anything else is a process's.
        memory.putLong(zeroes + 8, 1);
        if (!vmcoreinfo) {
            failure(memory);
        }
    }

    /** startup_32, as in 4.8: MOV ECX, TESTB and JNE, LGDT, MOV EAX to all segment registers. */
    private void startup(long gpa, long table) {
        byte[] code = HexFormat.of().parseHex("8b0da0f4fe0ef686110200004075160f011500000000b8180000008ed88ec08ee08ee88ed0");
        memory.putBytes(gpa, code).putInt(gpa + 18, (int) table);
    }

    @ParameterizedTest
    @EnumSource(names = {"PAE", "X86_32"})
    void anI386KernelsFirstInstructionsTellWhereKaslrPutIt(PagingMode mode) {
        FakeKernel kernel = kernel(mode);
        assertThat(identify().findings()).anyMatch(f -> f.what().equals("KASLR offset") && f.value().contains("unknown"));
        startup(kernel.gpa, kernel.gpa + FakeKernel.DATA);
        KernelIdentity found = identify();
        assertThat(found.kaslrOffset()).isEqualTo(kernel.kaslr).isNotZero();
        assertThat(found.imageStart()).isEqualTo(kernel.gva);
        // The decompressor's are no kernel's: its table is not in the image. Of two, neither is believed.
        startup(2 * MIB, 0x1000);
        assertThat(identify().kaslrOffset()).isEqualTo(kernel.kaslr);
        startup(3 * MIB, kernel.gpa + FakeKernel.DATA);
        assertThat(identify().findings()).anyMatch(f -> f.what().equals("KASLR offset") && f.value().contains("unknown"));
    }

    /** Up to 4.x the instructions that a kernel begins with are before _stext. */
    @Test
    void stextMayComeAfterTheFirstInstructions() {
        FakeKernel kernel = kernel(PagingMode.PAE);
        Map<String, String> lines = kernel.vmcoreinfoLines();
        lines.put("SYMBOL(_stext)", Long.toHexString(kernel.gva + 0x358));
        kernel.vmcoreinfoAt(PAGE, lines);
        assertThat(identify().kaslrOffset()).isEqualTo(kernel.kaslr).isNotZero();
        lines.put("SYMBOL(_stext)", Long.toHexString(kernel.gva + 0x90000));
        kernel.vmcoreinfoAt(PAGE, lines);
        assertThat(identify().findings()).anyMatch(f -> f.what().equals("KASLR offset") && f.value().contains("unknown"));
    }

    @Test
    void whatWasRejectedIsTold() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4).vmcoreinfoAt(PAGE);
        Map<String, String> stale = kernel.vmcoreinfoLines();
        stale.put("OSRELEASE", "5.5.5-before");
        kernel.vmcoreinfoAt(2 * PAGE, stale);
        List<Clue> clues = new ArrayList<>();
        identifier.identify(new FakeGuest(memory), new Progress() {
            @Override
            public void report(String what, long done, long total) {
            }

            @Override
            public void met(Clue clue) {
                clues.add(clue);
            }
        });
        assertThat(clues).anySatisfy(clue -> {
            assertThat(clue.verdict()).isEqualTo(Clue.Verdict.REJECTED);
            assertThat(clue.what()).isEqualTo("VMCOREINFO of 5.5.5-before");
            assertThat(clue.where()).isEqualTo("GPA 0x" + Long.toHexString(2 * PAGE));
            assertThat(clue.why()).contains("init_uts_ns says \"" + FakeKernel.RELEASE + "\"");
        });
    }

    @Test
    void saysThatEmptyMemoryIsAGuestThatHasNotBooted() {
        assertThat(failure(memory).detail()).isEqualTo(
                "48 MiB of RAM searched, all empty: the guest has not begun to boot");
    }

    @Test
    void saysWhatItSawOfAGuestThatIsBooting() {
        memory.putString(GPA + 0x100, FakeKernel.BANNER + "\n");
        HptException failure = failure(memory);
        assertThat(failure.detail()).contains("no VMCOREINFO and no kernel page tables", "may be booting");
        assertThat(failure.tried()).containsExactly("text at GPA 0x1400100: " + FakeKernel.BANNER);
    }

    @Test
    void saysThatNothingCanBeRead() {
        PhysicalMemory unreadable = new PhysicalMemory() {
            @Override
            public List<MemoryRange> ranges() {
                return List.of(new MemoryRange(0, 16 * MIB));
            }

            @Override
            public boolean live() {
                return false;
            }

            @Override
            public MemoryWindow window(long gpa) {
                return MemoryWindow.NONE;
            }
        };
        assertThat(failure(unreadable).detail()).contains("none of the guest's 16 MiB of RAM can be read");
    }

    @Test
    void rejectsRandomBytes() {
        Random random = new Random(1);
        for (long gpa = 0; gpa < 48 * MIB; gpa += 8) {
            if ((gpa & 0xfff) < 64 || (gpa & 0xfff) >= 0xfc0) {
                memory.putLong(gpa, random.nextLong());
            }
        }
        assertThat(failure(memory).detail()).contains("48 MiB of RAM searched");
    }

    @Test
    void endsOnPageTablesThatLeadToThemselves() {
        // Every page is a table all of whose entries lead to itself or to the next: the worst a guest can do.
        FakeMemory mad = new FakeMemory(2 * MIB);
        for (long page = 0; page < 2 * MIB; page += 4096) {
            for (int entry = 0; entry < 512; entry++) {
                mad.putLong(page + entry * 8, (entry % 2 == 0 ? page : page + 4096 & 2 * MIB - 1) | 0x23);
            }
        }
        failure(mad);
    }

    @Test
    void endsOnThousandsOfForgedTexts() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4).protectedText();
        List<Long> pages = new ArrayList<>();
        for (long gpa = MIB; gpa < 8 * MIB; gpa += 4096) {
            Map<String, String> lines = new HashMap<>(kernel.vmcoreinfoLines());
            lines.remove("OSRELEASE");
            memory.putString(gpa, "OSRELEASE=6.6." + gpa + "\n" + FakeKernel.text(lines));
            pages.add(gpa);
        }
        assertThat(pages).hasSizeGreaterThan(1000);
        check(identify(), kernel);
    }

    @Test
    void findsAKernelAboveAHoleInMemory() {
        FakeMemory split = new FakeMemory(false, new MemoryRange(0, 4 * MIB), new MemoryRange(0x100000000L, 16 * MIB));
        long gpa = 0x100000000L + 4 * MIB;
        FakeKernel kernel = new FakeKernel(split, PagingMode.LEVEL_4, gpa, KASLR).named();
        kernel.vmcoreinfoAt(0x100000000L);
        check(identify(split), kernel);
    }

    /** As a backend does that maps pages for a window, and copies for a long read. */
    private static final class Mapped implements PhysicalMemory {
        final FakeMemory of;
        final Set<Long> windows = new HashSet<>();
        final long holeFrom;
        final long holeTo;
        int longReads;

        Mapped(FakeMemory of, long holeFrom, long holeTo) {
            this.of = of;
            this.holeFrom = holeFrom;
            this.holeTo = holeTo;
        }

        @Override
        public List<MemoryRange> ranges() {
            return of.ranges();
        }

        @Override
        public boolean live() {
            return true;
        }

        @Override
        public MemoryWindow window(long gpa) {
            windows.add(gpa >>> 12);
            return gpa >= holeFrom && gpa < holeTo ? MemoryWindow.NONE : of.window(gpa);
        }

        @Override
        public int read(long gpa, byte[] to, int offset, int length) {
            if (length < 16 << 10) {
                return PhysicalMemory.super.read(gpa, to, offset, length);
            }
            longReads++;
            return gpa >= holeFrom && gpa < holeTo ? 0
                    : of.read(gpa, to, offset, gpa < holeFrom ? (int) Math.min(length, holeFrom - gpa) : length);
        }
    }

    @Test
    void searchesLiveMemoryByCopiesSoThatNotAllOfItIsMapped() {
        FakeMemory large = new FakeMemory(true, new MemoryRange(0, 256 * MIB));
        FakeKernel kernel = new FakeKernel(large, PagingMode.LEVEL_4, 200 * MIB, KASLR).named();
        kernel.vmcoreinfoAt(180 * MIB - 4096 * 3);
        Mapped mapped = new Mapped(large, 100 * MIB + 4096, 102 * MIB);
        check(identify(mapped), kernel);
        assertThat(mapped.windows).as("pages mapped").hasSizeLessThan(4000);
        assertThat(mapped.longReads).isBetween(256, 256 + 512 + 10);
    }

    @Test
    void findsAKernelWhoseFirstAndLastPagesWereFilteredOutOfTheImage() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4).vmcoreinfoAt(PAGE);
        // As makedumpfile leaves it: the text blanked away, and the free pages after the end of bss.
        List<MemoryRange> kept = List.of(new MemoryRange(0, GPA),
                new MemoryRange(GPA + FakeKernel.READ_ONLY, 5 * MIB), new MemoryRange(40 * MIB, 8 * MIB));
        PhysicalMemory filtered = new PhysicalMemory() {
            @Override
            public List<MemoryRange> ranges() {
                return kept;
            }

            @Override
            public boolean live() {
                return false;
            }

            @Override
            public MemoryWindow window(long gpa) {
                return kept.stream().anyMatch(range -> range.contains(gpa)) ? memory.window(gpa) : MemoryWindow.NONE;
            }
        };
        check(identify(filtered), kernel);
    }

    @Test
    void reportsItsProgress() {
        kernel(PagingMode.LEVEL_4).vmcoreinfoAt(PAGE);
        List<Long> done = new ArrayList<>();
        identifier.identify(new FakeGuest(memory), (what, now, total) -> {
            assertThat(total).isEqualTo(48 * MIB);
            done.add(now);
        });
        assertThat(done).isSorted().startsWith(0L).endsWith(48 * MIB);
    }
}
