// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;

class ElfCoreTest {
    private static final int PAGE = Samples.PAGE;

    @TempDir
    private Path folder;

    private Guest open(ElfImage image) {
        return Samples.open(Samples.write(folder, "elf", image.bytes()));
    }

    private HptException failure(ElfImage image, Consumer<ByteBuffer> lie) {
        ByteBuffer bytes = ByteBuffer.wrap(image.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        lie.accept(bytes);
        return Samples.unreadable(Samples.write(folder, "elf", bytes.array()));
    }

    private static ElfImage twoSegments(boolean wide) {
        return new ElfImage(wide).load(0, Samples.pages(0, 4)).load(0x100000, Samples.pages(0x100, 4));
    }

    /** QEMU does not align what it writes: pages lie at any offset. */
    @ParameterizedTest
    @CsvSource({"true,0", "true,1", "true,2920", "false,0", "false,37"})
    void segmentsLieAtTheirPhysicalAddress(boolean wide, int gap) {
        try (Guest guest = open(twoSegments(wide).gap(gap))) {
            PhysicalMemory memory = guest.memory();
            assertThat(guest.info().type()).isEqualTo("ELF core");
            assertThat(guest.info().memoryBytes()).isEqualTo(8 * PAGE);
            assertThat(memory.ranges()).containsExactly(new MemoryRange(0, 4 * PAGE),
                    new MemoryRange(0x100000, 4 * PAGE));
            for (int i = 0; i < 4; i++) {
                Samples.assertPage(memory, i * PAGE, i);
                Samples.assertPage(memory, 0x100000 + i * PAGE, 0x100 + i);
            }
            Samples.assertNone(memory, 4 * PAGE);
            Samples.assertNone(memory, 0x100000 - 1);
            Samples.assertNone(memory, 0x100000 + 4 * PAGE);
            assertThat(memory.machineAddress(0x100010)).isNotZero();
        }
    }

    @Test
    void memoryAboveFourGib() {
        long high = 0x1_0000_0000L;
        try (Guest guest = open(new ElfImage(true).load(high, Samples.pages(5, 2)).load(0, Samples.pages(1, 1)))) {
            Samples.assertPage(guest.memory(), high + PAGE, 6);
            Samples.assertPage(guest.memory(), 0, 1);
            assertThat(guest.memory().ranges()).containsExactly(new MemoryRange(0, PAGE),
                    new MemoryRange(high, 2 * PAGE));
        }
    }

    @Test
    void neighboursAreOneRange() {
        try (Guest guest = open(new ElfImage(true).load(PAGE, Samples.pages(1, 1)).load(0, Samples.pages(0, 1)))) {
            assertThat(guest.memory().ranges()).containsExactly(new MemoryRange(0, 2 * PAGE));
            Samples.assertPage(guest.memory(), 0, 0);
            Samples.assertPage(guest.memory(), PAGE, 1);
        }
    }

    @Test
    void aPageOfWhichThereIsAPartIsLeftOut() {
        byte[] content = Samples.pages(1, 3);
        try (Guest guest = open(new ElfImage(true).load(PAGE, Arrays.copyOf(content, 2 * PAGE + 0xc00))
                .load(0x10000 + 8, Arrays.copyOfRange(Samples.pages(16, 2), 8, 2 * PAGE)))) {
            assertThat(guest.memory().ranges()).containsExactly(new MemoryRange(PAGE, 2 * PAGE),
                    new MemoryRange(0x11000, PAGE));
            Samples.assertPage(guest.memory(), 2 * PAGE, 2);
            Samples.assertNone(guest.memory(), 3 * PAGE);
            Samples.assertPage(guest.memory(), 0x11000, 17);
        }
    }

    @Test
    void aPageCutInTwoIsWholeWhereBothPartsFollow() {
        byte[] content = Samples.pages(1, 2);
        try (Guest guest = open(new ElfImage(true).load(PAGE, Arrays.copyOf(content, PAGE + 100))
                .load(2 * PAGE + 100, Arrays.copyOfRange(content, PAGE + 100, 2 * PAGE)))) {
            Samples.assertPage(guest.memory(), PAGE, 1);
            Samples.assertPage(guest.memory(), 2 * PAGE, 2);
        }
    }

    /** {@code /proc/vmcore} has the kernel's text twice, under two virtual addresses. */
    @Test
    void overlappingSegmentsGiveEachPageOnce() {
        try (Guest guest = open(new ElfImage(true).load(2 * PAGE, Samples.pages(2, 2)).load(0, Samples.pages(0, 8))
                .load(6 * PAGE, Samples.pages(6, 4)))) {
            assertThat(guest.memory().ranges()).containsExactly(new MemoryRange(0, 10 * PAGE));
            assertThat(guest.info().memoryBytes()).isEqualTo(10 * PAGE);
            for (int page = 0; page < 10; page++) {
                Samples.assertPage(guest.memory(), page * PAGE, page);
            }
        }
    }

    @Test
    void whatWasFilteredOutIsNoMemoryOfZeros() {
        try (Guest guest = open(new ElfImage(true).load(0, 0, 8 * PAGE, Samples.pages(0, 2))
                .load(0, 8 * PAGE, 4 * PAGE, Samples.pages(8, 1)).load(0, 12 * PAGE, 3 * PAGE, new byte[0]))) {
            Samples.assertPage(guest.memory(), PAGE, 1);
            Samples.assertNone(guest.memory(), 2 * PAGE);
            Samples.assertPage(guest.memory(), 8 * PAGE, 8);
            Samples.assertNone(guest.memory(), 13 * PAGE);
            assertThat(guest.info().memoryBytes()).isEqualTo(15 * PAGE);
        }
    }

    @Test
    void segmentsWithoutAPhysicalAddressAreNotRead() {
        for (boolean wide : new boolean[] {true, false}) {
            try (Guest guest = open(new ElfImage(wide).load(-1, Samples.pages(9, 1)).load(PAGE, Samples.pages(1, 1)))) {
                assertThat(guest.memory().ranges()).containsExactly(new MemoryRange(PAGE, PAGE));
            }
        }
    }

    @Test
    void manySegmentsAreCountedInASection() {
        for (boolean wide : new boolean[] {true, false}) {
            try (Guest guest = open(twoSegments(wide).countInSection())) {
                Samples.assertPage(guest.memory(), 0x100000, 0x100);
            }
        }
    }

    @Test
    void registersOfEachVcpu() {
        byte[] notes = ElfImage.join(ElfImage.prstatus64(0x11, 0x12), ElfImage.prstatus64(0x21, 0x22),
                ElfImage.note("OTHER", 7, new byte[13]), ElfImage.qemu(0xffff_8000_0000_0000L), ElfImage.qemu(0x100));
        try (Guest guest = open(new ElfImage(true).notes(notes).load(0, Samples.page(0)))) {
            assertThat(guest.info().vcpus()).isEqualTo(2);
            VcpuRegisters first = guest.registers().get(0);
            assertThat(first.vcpu()).isZero();
            assertThat(first.get(Register.RSP)).hasValue(0xffff_8000_0000_0001L);
            assertThat(first.get(Register.GS_BASE)).hasValue(0xffff_8000_0000_0005L);
            VcpuRegisters second = guest.registers().get(1);
            assertThat(second.vcpu()).isEqualTo(1);
            assertThat(second.get(Register.RSP)).hasValue(0x101);
            assertThat(second.get(Register.RIP)).hasValue(0x102);
            assertThat(second.get(Register.RFLAGS)).hasValue(0x103);
            assertThat(second.get(Register.CS)).hasValue(0x33);
            assertThat(second.get(Register.SS)).hasValue(0x2b);
            assertThat(second.get(Register.FS_BASE)).hasValue(0x104);
            assertThat(second.get(Register.GS_BASE)).hasValue(0x105);
            assertThat(second.get(Register.TR_BASE)).hasValue(0x106);
            assertThat(second.get(Register.GDTR_BASE)).hasValue(0x107);
            assertThat(second.get(Register.IDTR_BASE)).hasValue(0x108);
            assertThat(second.get(Register.CR0)).hasValue(0x110);
            assertThat(second.get(Register.CR2)).hasValue(0x112);
            assertThat(second.get(Register.CR3)).hasValue(0x113);
            assertThat(second.get(Register.CR4)).hasValue(0x114);
            assertThat(second.get(Register.KERNEL_GS_BASE)).hasValue(0x109);
            assertThat(second.get(Register.EFER)).isEmpty();
        }
    }

    @Test
    void registersOfACrashedKernelHaveNoGsBase() {
        byte[] notes = ElfImage.join(ElfImage.prstatus64(0xffffffff81000000L, 0x12),
                ElfImage.prstatus32(0xc1000000, -16));
        try (Guest guest = open(new ElfImage(true).notes(notes).load(0, Samples.page(0)))) {
            VcpuRegisters wide = guest.registers().get(0);
            assertThat(wide.get(Register.RIP)).hasValue(0xffffffff81000000L);
            assertThat(wide.get(Register.RSP)).hasValue(0x12);
            assertThat(wide.get(Register.CS)).hasValue(0x10);
            assertThat(wide.get(Register.SS)).hasValue(0x18);
            assertThat(wide.get(Register.RFLAGS)).hasValue(0x246);
            assertThat(wide.get(Register.GS_BASE)).isEmpty();
            VcpuRegisters narrow = guest.registers().get(1);
            assertThat(narrow.get(Register.RIP)).hasValue(0xc1000000L);
            assertThat(narrow.get(Register.RSP)).hasValue(0xfffffff0L);
            assertThat(narrow.get(Register.CS)).hasValue(0x60);
            assertThat(narrow.get(Register.SS)).hasValue(0x68);
        }
    }

    @Test
    void vmcoreinfoEndsAtItsNul() {
        byte[] text = "OSRELEASE=6.1.0\nPAGESIZE=4096\n\0rubbish".getBytes(StandardCharsets.UTF_8);
        try (Guest guest = open(new ElfImage(false).notes(ElfImage.note("VMCOREINFO", 0, text))
                .load(0, Samples.page(0)))) {
            assertThat(guest.vmcoreinfo()).hasValue("OSRELEASE=6.1.0\nPAGESIZE=4096\n");
            assertThat(guest.info().vcpus()).isEqualTo(-1);
        }
    }

    @Test
    void malformedNotesEndTheList() {
        byte[] lie = ElfImage.note("QEMU", 0, new byte[8]);
        ByteBuffer.wrap(lie).order(ByteOrder.LITTLE_ENDIAN).putInt(4, -1);
        byte[] notes = ElfImage.join(ElfImage.prstatus64(1, 2), lie, ElfImage.prstatus64(3, 4));
        try (Guest guest = open(new ElfImage(true).notes(notes).load(0, Samples.page(0)))) {
            assertThat(guest.registers()).hasSize(1);
        }
    }

    @Test
    void aHugeVmcoreinfoIsCut() {
        byte[] text = new byte[1 << 20];
        Arrays.fill(text, (byte) 'A');
        try (Guest guest = open(new ElfImage(true).notes(ElfImage.note("VMCOREINFO", 0, text))
                .load(0, Samples.page(0)))) {
            assertThat(guest.vmcoreinfo().orElseThrow()).hasSize(1 << 16);
        }
    }

    @Test
    void theCoreOfAProcessIsRefused() {
        byte[] core = new ElfImage(true).load(0x400000, 0, PAGE, Samples.page(1))
                .load(0x500000, 0, PAGE, Samples.page(2)).bytes();
        HptException e = Samples.unreadable(Samples.write(folder, "elf", core));
        assertThat(e.detail()).contains("process");
    }

    @ParameterizedTest
    @CsvSource({"4,3,class", "5,2,little-endian", "16,2,not a core", "18,183,machine 183", "56,0,without segments",
        "54,8,too short"})
    void foreignHeadersAreRefused(int at, int value, String message) {
        assertThat(failure(twoSegments(true), bytes -> {
            bytes.put(at, (byte) value);
        }).getMessage()).contains(message);
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -1, -4096, Long.MAX_VALUE, 1L << 52, 1L << 40, 100_000})
    void lyingProgramHeaders(long lie) {
        int first = twoSegments(true).segmentAt(0);
        int second = twoSegments(true).segmentAt(1);
        assertThat(failure(twoSegments(true), bytes -> bytes.putLong(second + 8, lie)).detail()).contains("segment 1");
        assertThat(failure(twoSegments(true), bytes -> bytes.putLong(second + 32, lie)).detail()).contains("segment 1");
        assertThat(failure(twoSegments(true), bytes -> bytes.putLong(first + 32, lie)).detail()).contains("segment 0");
        assertThat(failure(twoSegments(true), bytes -> bytes.putLong(32, lie)).detail()).contains("program headers");
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -4096, Long.MAX_VALUE, 1L << 52, (1L << 52) - 4096})
    void physicalAddressesThatNoMachineHas(long paddr) {
        int second = twoSegments(true).segmentAt(1);
        assertThat(failure(twoSegments(true), bytes -> bytes.putLong(second + 24, paddr)).detail())
                .contains("segment 1");
    }

    @Test
    void lyingNotes() {
        ElfImage image = new ElfImage(true).notes(ElfImage.prstatus64(1, 2)).load(0, Samples.page(0));
        for (long lie : new long[] {Long.MIN_VALUE, -1, 1L << 62, 100_000}) {
            assertThat(failure(image, bytes -> bytes.putLong(64 + 8, lie)).detail()).contains("notes");
            assertThat(failure(image, bytes -> bytes.putLong(64 + 32, lie)).detail()).contains("notes");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 0, 1000, 65534, 1 << 21})
    void lyingCounts(int count) {
        ElfImage image = twoSegments(true).countInSection();
        int section = image.bytes().length - 64;
        assertThat(failure(image, bytes -> bytes.putInt(section + 44, count)).detail()).contains("ELF");
        assertThat(failure(image, bytes -> bytes.putLong(40, count)).detail()).contains("ELF");
        assertThat(failure(twoSegments(true), bytes -> bytes.putShort(56, (short) 65534)).detail())
                .contains("program headers");
    }
}
