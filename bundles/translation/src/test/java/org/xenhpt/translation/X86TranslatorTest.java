// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.translation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.testkit.FakeMemory;
import org.xenhpt.testkit.FakePageTables;

class X86TranslatorTest {
    private static final long MIB = 1 << 20;
    private static final long GIB = 1 << 30;
    private static final long ROOT = 0x10000;

    private final X86Translator translator = new X86Translator();

    @ParameterizedTest
    @CsvSource({
        "X86_32, 0xc0123000, 0x1000", "X86_32, 0xc0400000, 0x400000",
        "PAE, 0xc0123000, 0x1000", "PAE, 0xc0200000, 0x200000",
        "LEVEL_4, 0xffff888000123000, 0x1000", "LEVEL_4, 0xffffffff81200000, 0x200000",
        "LEVEL_4, 0xffff888040000000, 0x40000000",
        "LEVEL_5, 0xff11000000123000, 0x1000", "LEVEL_5, 0xffffffff81200000, 0x200000",
        "LEVEL_5, 0xff11000040000000, 0x40000000", "LEVEL_5, 0x00ffffffc0000000, 0x40000000",
    })
    void everyPageSizeOfEveryMode(PagingMode mode, String gvaText, String sizeText) {
        long gva = Long.parseUnsignedLong(gvaText.substring(2), 16);
        long size = Long.decode(sizeText);
        FakeMemory memory = new FakeMemory(4 * GIB);
        long gpa = 2 * GIB;
        new FakePageTables(memory, mode, ROOT).map(gva, gpa, size, size);
        memory.putLong(gpa + size - 8, 0x1122334455667788L).putLong(gpa, 42);
        AddressSpace space = translator.open(memory, mode, ROOT);

        assertThat(space.translate(gva)).isEqualTo(gpa);
        assertThat(space.translate(gva + size - 1)).isEqualTo(gpa + size - 1);
        assertThat(space.readLong(gva)).isEqualTo(42);
        assertThat(space.readLong(gva + size - 8)).isEqualTo(0x1122334455667788L);
        assertThat(space.find(gva - 1)).isEqualTo(AddressSpace.UNMAPPED);
        assertThat(space.find(gva + size)).isEqualTo(AddressSpace.UNMAPPED);
        assertThat(translator.modeOf(memory, ROOT, gva, gpa)).contains(mode);
    }

    /** Up to 2.6.24 the directory that a PAE kernel boots with stays behind its four pointers. */
    @Test
    void whatIsLeftOfABootDirectoryIsNotTheMode() {
        FakeMemory memory = new FakeMemory(16 << 20);
        new FakePageTables(memory, PagingMode.PAE, ROOT).map(0xc0000000L, 0, 8 << 20, 2 << 20);
        memory.putInt(ROOT + 0x300 * 4, 0x83).putInt(ROOT + 0x301 * 4, 0x400083);
        assertThat(translator.modeOf(memory, ROOT, 0xc0101000L, 0x101000)).contains(PagingMode.PAE);
        memory.putLong(ROOT + 24, 0);
        assertThat(translator.modeOf(memory, ROOT, 0xc0101000L, 0x101000)).contains(PagingMode.X86_32);
    }

    @Test
    void largePagesAbove4GiBIn32BitPaging() {
        FakeMemory memory = new FakeMemory(8 * GIB);
        // Bits 13 to 20 of the entry are bits 32 to 39 of the address.
        memory.putInt(ROOT + 0x300 * 4, 0x00400000 | 1 << 13 | 0x83);
        AddressSpace space = translator.open(memory, PagingMode.X86_32, ROOT);
        assertThat(space.translate(0xc0000123L)).isEqualTo(4 * GIB + 4 * MIB + 0x123);
    }

    @Test
    void wordsAcrossPagesThatLieApart() {
        FakeMemory memory = new FakeMemory(64 * MIB);
        FakePageTables tables = new FakePageTables(memory, PagingMode.LEVEL_4, ROOT);
        long gva = 0xffff888000000000L;
        tables.map(gva, 0x800000, 0x1000, 0x1000).map(gva + 0x1000, 0x400000, 0x1000, 0x1000);
        memory.putInt(0x800ffc, 0x55667788).putInt(0x400000, 0x11223344);
        AddressSpace space = translator.open(memory, PagingMode.LEVEL_4, ROOT);

        assertThat(space.readLong(gva + 0xffc)).isEqualTo(0x1122334455667788L);
        assertThat(space.readInt(gva + 0xffe)).isEqualTo(0x33445566);
        assertThat(space.readShort(gva + 0xfff)).isEqualTo(0x4455);
        byte[] bytes = new byte[8];
        space.read(gva + 0xffc, bytes, 0, 8);
        assertThat(bytes).containsExactly(0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11);
    }

    @Test
    void wordsAcrossLargePages() {
        FakeMemory memory = new FakeMemory(64 * MIB);
        long gva = 0xffff888000000000L;
        new FakePageTables(memory, PagingMode.LEVEL_4, ROOT).map(gva, 32 * MIB, 2 * MIB, 2 * MIB)
                .map(gva + 2 * MIB, 16 * MIB, 2 * MIB, 2 * MIB);
        memory.putInt(34 * MIB - 4, 1).putInt(16 * MIB, 2);
        AddressSpace space = translator.open(memory, PagingMode.LEVEL_4, ROOT);
        assertThat(space.readLong(gva + 2 * MIB - 4)).isEqualTo(0x200000001L);
    }

    @Test
    void addressesThatAreNotCanonical() {
        FakeMemory memory = new FakeMemory(MIB);
        assertFault(translator.open(memory, PagingMode.LEVEL_4, ROOT), 0x0000800000000000L,
                MemoryFault.Kind.NOT_CANONICAL);
        assertFault(translator.open(memory, PagingMode.LEVEL_4, ROOT), 0xffff7fffffffffffL,
                MemoryFault.Kind.NOT_CANONICAL);
        assertFault(translator.open(memory, PagingMode.LEVEL_5, ROOT), 0x0100000000000000L,
                MemoryFault.Kind.NOT_CANONICAL);
        assertFault(translator.open(memory, PagingMode.PAE, ROOT), 0x100000000L, MemoryFault.Kind.NOT_CANONICAL);
        // The first address that only five levels reach is canonical there.
        assertFault(translator.open(memory, PagingMode.LEVEL_5, ROOT), 0x0000800000000000L,
                MemoryFault.Kind.NOT_MAPPED);
    }

    @Test
    void tablesThatLieOutsideMemoryOrUseReservedBits() {
        FakeMemory memory = new FakeMemory(MIB);
        AddressSpace space = translator.open(memory, PagingMode.LEVEL_4, ROOT);
        memory.putLong(ROOT, 0x7ffffffff000L | 3);
        assertFault(space, 0, MemoryFault.Kind.BAD_TABLE);
        // The page-size bit is reserved in the top table.
        memory.putLong(ROOT, 0x20000 | 0x83);
        assertFault(space, 0, MemoryFault.Kind.BAD_TABLE);
        // And in PAE's.
        assertFault(translator.open(memory, PagingMode.PAE, ROOT), 0, MemoryFault.Kind.BAD_TABLE);
    }

    @Test
    void pagesThatLieOutsideMemory() {
        FakeMemory memory = new FakeMemory(MIB);
        new FakePageTables(memory, PagingMode.LEVEL_4, ROOT).map(0, 0x40000000L, 0x1000, 0x1000);
        AddressSpace space = translator.open(memory, PagingMode.LEVEL_4, ROOT);
        assertThat(space.translate(0x10)).isEqualTo(0x40000010L);
        assertThatThrownBy(() -> space.readLong(0x10)).isInstanceOfSatisfying(MemoryFault.class, fault -> {
            assertThat(fault.kind()).isEqualTo(MemoryFault.Kind.NO_RAM);
            assertThat(fault.address()).isEqualTo(0x40000010L);
            assertThat(fault).hasMessageContaining("GPA 0x40000010 is not readable guest memory");
        });
    }

    @ParameterizedTest
    @EnumSource(PagingMode.class)
    void aTableThatMapsItselfEndsTheWalk(PagingMode mode) {
        FakeMemory memory = new FakeMemory(MIB);
        for (int entry = 0; entry < 4096; entry += 8) {
            memory.putLong(ROOT + entry, mode == PagingMode.X86_32 ? (ROOT | 1) << 32 | ROOT | 1 : ROOT | 1);
        }
        AddressSpace space = translator.open(memory, mode, ROOT);
        assertThat(space.translate(0x123)).isEqualTo(ROOT + 0x123);
    }

    @ParameterizedTest
    @EnumSource(PagingMode.class)
    void randomTablesGiveAnAddressOrAFault(PagingMode mode) {
        Random random = new Random(7);
        FakeMemory memory = new FakeMemory(16 * 4096);
        for (int gpa = 0; gpa < 16 * 4096; gpa += 8) {
            memory.putLong(gpa, random.nextInt(4) == 0 ? random.nextLong() : random.nextInt(16) << 12 | 3);
        }
        AddressSpace space = translator.open(memory, mode, 0);
        int read = 0;
        for (int i = 0; i < 100_000; i++) {
            long gva = mode.pointerSize() == 4 ? random.nextInt() & 0xffffffffL : random.nextLong() >> 16;
            try {
                space.readLong(gva);
                read++;
            } catch (MemoryFault fault) {
                assertThat(fault.kind()).isNotNull();
            }
        }
        assertThat(read).isPositive();
    }

    @Test
    void aLiveGuestIsTranslatedAnewInEachReading() {
        FakeMemory memory = new FakeMemory(true, new MemoryRange(0, 64 * MIB));
        FakePageTables tables = new FakePageTables(memory, PagingMode.LEVEL_4, ROOT).map(0x1000, 0x5000, 4096, 4096);
        memory.putInt(0x5000, 1).putInt(0x6000, 2);
        AddressSpace space = translator.open(memory, PagingMode.LEVEL_4, ROOT);
        assertThat(space.readInt(0x1000)).isEqualTo(1);

        tables.map(0x1000, 0x6000, 4096, 4096);
        assertThat(space.readInt(0x1000)).as("within a reading").isEqualTo(1);
        space.refresh();
        assertThat(space.readInt(0x1000)).as("in the next").isEqualTo(2);
        assertThat(memory.refreshes()).isEqualTo(1);
    }

    @Test
    void modeFromRegisters() {
        assertThat(translator.modeOf(registers(0x80000001L, 0x10, 0))).contains(PagingMode.X86_32);
        assertThat(translator.modeOf(registers(0x80000001L, 0x20, 0x800))).contains(PagingMode.PAE);
        assertThat(translator.modeOf(registers(0x80000001L, 0x20, 0xd01))).contains(PagingMode.LEVEL_4);
        assertThat(translator.modeOf(registers(0x80000001L, 0x1020, 0xd01))).contains(PagingMode.LEVEL_5);
        assertThat(translator.modeOf(registers(1, 0x20, 0))).as("paging off").isEmpty();
        assertThat(translator.modeOf(new VcpuRegisters(0, Map.of(Register.CR0, 0x80000001L, Register.CR4, 0x20L))))
                .as("PAE or long mode, nobody can tell").isEmpty();
    }

    @Test
    void theKernelsHalfOfAPairOfTables() {
        FakeMemory memory = new FakeMemory(MIB);
        long kernel = 0x20000;
        memory.putLong(kernel + 8, 0x30003).putLong(kernel + 0x1000 + 8, 0x30007);
        memory.putLong(kernel + 511 * 8, 0x40003).putLong(kernel + 0x1000 + 511 * 8, 0x40003);
        memory.putLong(kernel + 273 * 8, 0x50003);
        assertThat(translator.rootOf(memory, PagingMode.LEVEL_4, kernel | 0x1801)).as("user half, with a PCID")
                .isEqualTo(kernel);
        assertThat(translator.rootOf(memory, PagingMode.LEVEL_4, kernel | 0x8000000000000801L)).isEqualTo(kernel);
        memory.putLong(kernel + 16, 0x60003);
        assertThat(translator.rootOf(memory, PagingMode.LEVEL_4, kernel | 0x1000)).as("another's table")
                .isEqualTo(kernel + 0x1000);
    }

    private static void assertFault(AddressSpace space, long gva, MemoryFault.Kind kind) {
        assertThat(space.find(gva)).isEqualTo(AddressSpace.UNMAPPED);
        assertThatThrownBy(() -> space.readLong(gva)).isInstanceOfSatisfying(MemoryFault.class,
                fault -> assertThat(fault.kind()).isEqualTo(kind));
    }

    private static VcpuRegisters registers(long cr0, long cr4, long efer) {
        return new VcpuRegisters(0, Map.of(Register.CR0, cr0, Register.CR4, cr4, Register.EFER, efer));
    }
}
