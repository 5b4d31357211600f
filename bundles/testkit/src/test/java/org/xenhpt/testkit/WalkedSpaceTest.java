// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;

class WalkedSpaceTest {
    private static final long ROOT = 0x10000;
    private static final long GVA = 0xffff888000000000L;

    @ParameterizedTest
    @CsvSource({
        "X86_32, 0xc0123000, 0x1000", "X86_32, 0xc0400000, 0x400000", "PAE, 0xc0123000, 0x1000",
        "PAE, 0xc0200000, 0x200000", "LEVEL_4, 0xffff888000123000, 0x1000", "LEVEL_4, 0xffffffff81200000, 0x200000",
        "LEVEL_4, 0xffff888040000000, 0x40000000", "LEVEL_5, 0xff11000000123000, 0x1000",
        "LEVEL_5, 0xffffffff81200000, 0x200000", "LEVEL_5, 0xff11000040000000, 0x40000000",
    })
    void everyPageSizeOfEveryMode(PagingMode mode, String gvaText, String sizeText) {
        long gva = Long.parseUnsignedLong(gvaText.substring(2), 16);
        long size = Long.decode(sizeText);
        long gpa = 1L << 31;
        FakeMemory memory = new FakeMemory(4L << 30);
        new FakePageTables(memory, mode, ROOT).map(gva, gpa, size, size);
        memory.putLong(gpa + size - 8, 0x1122334455667788L);
        AddressSpace space = new WalkedSpace(memory, mode, ROOT);

        assertThat(space.translate(gva)).isEqualTo(gpa);
        assertThat(space.translate(gva + size - 1)).isEqualTo(gpa + size - 1);
        assertThat(space.readLong(gva + size - 8)).isEqualTo(0x1122334455667788L);
        assertThat(space.readPointer(gva + size - 8)).isEqualTo(mode.pointerSize() == 8 ? 0x1122334455667788L : 0x55667788);
        assertThat(space.find(gva - 1)).isEqualTo(AddressSpace.UNMAPPED);
        assertThat(space.find(gva + size)).isEqualTo(AddressSpace.UNMAPPED);
    }

    @Test
    void saysWhatIsWrongWithAnAddress() {
        FakeMemory memory = new FakeMemory(4 << 20);
        new FakePageTables(memory, PagingMode.LEVEL_4, ROOT).map(GVA, 0x100000, 0x1000, 0x1000)
                .map(GVA + 0x1000, 1L << 30, 0x1000, 0x1000);
        memory.putLong(ROOT + 8, 1L << 40 | 1);
        AddressSpace space = new WalkedSpace(memory, PagingMode.LEVEL_4, ROOT);
        fault(space, 0x0000888000000000L, MemoryFault.Kind.NOT_CANONICAL);
        fault(space, GVA + 0x2000, MemoryFault.Kind.NOT_MAPPED);
        fault(space, 1L << 39, MemoryFault.Kind.BAD_TABLE);
        fault(space, GVA + 0x1000, MemoryFault.Kind.NO_RAM);
        fault(space, GVA + 0xffc, MemoryFault.Kind.NO_RAM);
        assertThat(space.readInt(GVA + 0xffc)).isZero();
    }

    private static void fault(AddressSpace space, long gva, MemoryFault.Kind kind) {
        assertThatExceptionOfType(MemoryFault.class).isThrownBy(() -> space.readLong(gva))
                .satisfies(fault -> assertThat(fault.kind()).isEqualTo(kind));
    }
}
