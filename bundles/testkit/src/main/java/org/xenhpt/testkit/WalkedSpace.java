// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.testkit;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.error.MemoryFault.Kind;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;

/**
 * An address space that walks the guest's page tables at every read and remembers nothing: slow, and so plain that a test
 * of something else may trust it. The platform's own is the service {@code Translator}.
 */
public final class WalkedSpace implements AddressSpace {
    private static final int PAGE = 4096;
    private static final long PRESENT = 1;
    private static final long LARGE = 0x80;
    private static final long ADDRESS = 0x000ffffffffff000L;

    private final PhysicalMemory memory;
    private final PagingMode mode;
    private final long rootGpa;

    /** @param rootGpa GPA of the top-level table */
    public WalkedSpace(PhysicalMemory memory, PagingMode mode, long rootGpa) {
        this.memory = memory;
        this.mode = mode;
        this.rootGpa = rootGpa;
    }

    @Override
    public PagingMode mode() {
        return mode;
    }

    @Override
    public PhysicalMemory memory() {
        return memory;
    }

    @Override
    public long rootGpa() {
        return rootGpa;
    }

    @Override
    public int pointerSize() {
        return mode.pointerSize();
    }

    @Override
    public long translate(long gva) {
        if (!isCanonical(gva)) {
            throw new MemoryFault(Kind.NOT_CANONICAL, gva);
        }
        int entrySize = mode == PagingMode.X86_32 ? 4 : 8;
        int indexBits = mode == PagingMode.X86_32 ? 10 : 9;
        long table = rootGpa;
        for (int level = levels(); ; level--) {
            int shift = 12 + indexBits * (level - 1);
            // The top table of PAE has 4 entries; all others are full.
            long index = gva >>> shift & (mode == PagingMode.PAE && level == 3 ? 3 : (1L << indexBits) - 1);
            long entry = physical(table + index * entrySize, entrySize, gva);
            if ((entry & PRESENT) == 0) {
                throw new MemoryFault(Kind.NOT_MAPPED, gva);
            }
            // Tables of the third level and below have large pages; those of PAE's third have none.
            boolean mayBeLarge = level == 2 || level == 3 && mode != PagingMode.PAE;
            if (level == 1 || mayBeLarge && (entry & LARGE) != 0) {
                long inside = (1L << shift) - 1;
                return entry & ADDRESS & ~inside | gva & inside;
            }
            table = entry & ADDRESS;
        }
    }

    private int levels() {
        return switch (mode) {
            case X86_32 -> 2;
            case PAE -> 3;
            case LEVEL_4 -> 4;
            case LEVEL_5 -> 5;
        };
    }

    private boolean isCanonical(long gva) {
        if (pointerSize() == 4) {
            return gva >>> 32 == 0;
        }
        int unused = mode == PagingMode.LEVEL_4 ? 16 : 7;
        return gva << unused >> unused == gva;
    }

    private long physical(long gpa, int size, long gva) {
        byte[] bytes = new byte[8];
        if (memory.read(gpa, bytes, 0, size) < size) {
            throw new MemoryFault(Kind.BAD_TABLE, gva);
        }
        return number(bytes);
    }

    private static long number(byte[] bytes) {
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }

    @Override
    public long find(long gva) {
        try {
            return translate(gva);
        } catch (MemoryFault nowhere) {
            return UNMAPPED;
        }
    }

    @Override
    public void read(long gva, byte[] to, int offset, int length) {
        int done = 0;
        while (done < length) {
            long gpa = translate(gva + done);
            int part = (int) Math.min(length - done, PAGE - (gpa & PAGE - 1));
            if (memory.read(gpa, to, offset + done, part) < part) {
                throw new MemoryFault(Kind.NO_RAM, gpa);
            }
            done += part;
        }
    }

    private long read(long gva, int size) {
        byte[] bytes = new byte[8];
        read(gva, bytes, 0, size);
        return number(bytes);
    }

    @Override
    public int readByte(long gva) {
        return (int) read(gva, 1);
    }

    @Override
    public int readShort(long gva) {
        return (int) read(gva, 2);
    }

    @Override
    public int readInt(long gva) {
        return (int) read(gva, 4);
    }

    @Override
    public long readLong(long gva) {
        return read(gva, 8);
    }

    @Override
    public long readPointer(long gva) {
        return read(gva, pointerSize());
    }

    @Override
    public void refresh() {
        memory.refresh();
    }

    @Override
    public long machineAddress(long gva) {
        long gpa = find(gva);
        return gpa == UNMAPPED ? 0 : memory.machineAddress(gpa);
    }
}
