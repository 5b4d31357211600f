// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.testkit;

import org.xenhpt.api.translation.PagingMode;

/** Writes x86 page tables into a {@link FakeMemory}, as a kernel would. */
public final class FakePageTables {
    private static final long PRESENT_WRITABLE_ACCESSED = 0x23;
    private static final long LARGE = 0x80;

    private final FakeMemory memory;
    private final PagingMode mode;
    private final long root;
    private long nextTable;

    /**
     * @param root GPA of the top-level table; further tables are put into the pages after it
     */
    public FakePageTables(FakeMemory memory, PagingMode mode, long root) {
        this(memory, mode, root, root + 4096);
    }

    /**
     * @param root  GPA of the top-level table
     * @param first GPA of the page where further tables begin
     */
    public FakePageTables(FakeMemory memory, PagingMode mode, long root, long first) {
        this.memory = memory;
        this.mode = mode;
        this.root = root;
        this.nextTable = first;
    }

    public long root() {
        return root;
    }

    /** Maps {@code length} bytes from {@code gva} to {@code gpa}, all multiples of {@code pageSize}. */
    public FakePageTables map(long gva, long gpa, long length, long pageSize) {
        for (long done = 0; done < length; done += pageSize) {
            mapPage(gva + done, gpa + done, pageSize);
        }
        return this;
    }

    private void mapPage(long gva, long gpa, long pageSize) {
        int entrySize = mode == PagingMode.X86_32 ? 4 : 8;
        int indexBits = mode == PagingMode.X86_32 ? 10 : 9;
        int levels = switch (mode) {
            case X86_32 -> 2;
            case PAE -> 3;
            case LEVEL_4 -> 4;
            case LEVEL_5 -> 5;
        };
        long table = root;
        for (int level = levels; ; level--) {
            int shift = 12 + indexBits * (level - 1);
            // The top table of PAE has 4 entries; all others are full.
            long index = gva >>> shift & (mode == PagingMode.PAE && level == 3 ? 3 : (1L << indexBits) - 1);
            long entry = table + index * entrySize;
            if (1L << shift == pageSize) {
                write(entry, entrySize, gpa | PRESENT_WRITABLE_ACCESSED | (level > 1 ? LARGE : 0));
                return;
            }
            if (level == 1) {
                throw new IllegalArgumentException("no page size " + pageSize + " in " + mode);
            }
            long old = entrySize == 4 ? memory.getLong(entry) & 0xffffffffL : memory.getLong(entry);
            if ((old & 1) == 0) {
                old = nextTable | (mode == PagingMode.PAE && level == 3 ? 1 : PRESENT_WRITABLE_ACCESSED);
                nextTable += 4096;
                write(entry, entrySize, old);
            }
            table = old & 0x000ffffffffff000L;
        }
    }

    private void write(long gpa, int size, long value) {
        if (size == 4) {
            memory.putInt(gpa, (int) value);
        } else {
            memory.putLong(gpa, value);
        }
    }
}
