// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.translation;

import java.nio.ByteBuffer;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;

/** Walks page tables of any {@link PagingFormat}. A walk has as many steps as the format has levels, whatever they hold. */
final class PageWalker {
    private static final long PRESENT = 1;
    private static final long PAGE_SIZE_BIT = 1 << 7;

    private final PhysicalMemory memory;
    private final PagingFormat format;
    private final PagingFormat.Level[] levels;
    private final long rootGpa;
    private MemoryWindow window = MemoryWindow.NONE;

    private int pageShift;
    private MemoryFault.Kind fault;

    PageWalker(PhysicalMemory memory, PagingFormat format, long rootGpa) {
        this.memory = memory;
        this.format = format;
        this.levels = format.levels().toArray(PagingFormat.Level[]::new);
        this.rootGpa = rootGpa;
    }

    /**
     * @return the GPA, or -1: {@link #fault()} then says why
     */
    long walk(long gva) {
        if (!format.canonical(gva)) {
            return fail(MemoryFault.Kind.NOT_CANONICAL);
        }
        long table = rootGpa;
        for (PagingFormat.Level level : levels) {
            long index = gva >>> level.shift() & (1L << level.indexBits()) - 1;
            long at = table + index * format.entrySize();
            MemoryWindow page = windowAt(at);
            if (page.size() == 0) {
                return fail(MemoryFault.Kind.BAD_TABLE);
            }
            long entry = read(page.bytes(), (int) (at - page.gpa()));
            if ((entry & PRESENT) == 0) {
                return fail(MemoryFault.Kind.NOT_MAPPED);
            }
            boolean last = level.shift() == 12;
            if (last || (entry & PAGE_SIZE_BIT) != 0) {
                if (!last && !level.largePages()) {
                    return fail(MemoryFault.Kind.BAD_TABLE);
                }
                pageShift = level.shift();
                long offset = gva & (1L << pageShift) - 1;
                return pageAddress(level, entry) & -(1L << pageShift) | offset;
            }
            table = entry & level.addressMask();
        }
        throw new AssertionError("a format whose last level is not of 4 KiB pages");
    }

    /** Size of the page that the last successful walk ended in, as a power of two. */
    int pageShift() {
        return pageShift;
    }

    /** Why the last walk failed. */
    MemoryFault.Kind fault() {
        return fault;
    }

    /** Forgets what the memory's {@link PhysicalMemory#refresh()} makes void. */
    void refresh() {
        window = MemoryWindow.NONE;
    }

    private long pageAddress(PagingFormat.Level level, long entry) {
        if (format.entrySize() == 4 && level.shift() == 22) {
            // PSE-36: bits 13 to 20 of a 4 MiB page's entry are bits 32 to 39 of its address (Intel SDM 3A, table 4-4).
            return entry & 0xffc00000L | (entry >>> 13 & 0xff) << 32;
        }
        return entry & level.addressMask();
    }

    private long read(ByteBuffer bytes, int index) {
        return format.entrySize() == 8 ? bytes.getLong(index) : bytes.getInt(index) & 0xffffffffL;
    }

    private MemoryWindow windowAt(long gpa) {
        MemoryWindow known = window;
        if (Long.compareUnsigned(gpa - known.gpa(), known.size()) < 0) {
            return known;
        }
        window = memory.window(gpa);
        return window;
    }

    private long fail(MemoryFault.Kind kind) {
        fault = kind;
        return -1;
    }
}
