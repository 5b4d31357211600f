// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.translation;

import java.util.List;
import org.xenhpt.api.translation.PagingMode;

/**
 * The format of the page tables of one paging mode, as data: {@link PageWalker} reads them all.
 *
 * @param addressBits how many bits of a GVA are translated; in 64-bit modes those above must repeat the highest
 * @param entrySize   of a table entry, in bytes
 * @param rootMask    the bits of CR3 that are the top-level table's GPA
 * @param levels      from the top
 */
record PagingFormat(int addressBits, int entrySize, long rootMask, List<Level> levels) {
    /** Bits 12 to 51 of an 8-byte entry (Intel SDM volume 3A, 4.4 to 4.5). */
    private static final long WIDE_ADDRESS = 0x000ffffffffff000L;

    /**
     * One level of tables.
     *
     * @param shift       the lowest bit of the GVA that selects an entry
     * @param indexBits   how many bits do
     * @param largePages  whether an entry with the page-size bit maps a page; else that bit is reserved
     * @param addressMask the bits of an entry that are a GPA
     */
    record Level(int shift, int indexBits, boolean largePages, long addressMask) {
    }

    private static final PagingFormat X86_32 = new PagingFormat(32, 4, 0xfffff000L, List.of(
            new Level(22, 10, true, 0xfffff000L),
            new Level(12, 10, false, 0xfffff000L)));

    private static final PagingFormat PAE = new PagingFormat(32, 8, 0xffffffe0L, List.of(
            new Level(30, 2, false, WIDE_ADDRESS),
            new Level(21, 9, true, WIDE_ADDRESS),
            new Level(12, 9, false, WIDE_ADDRESS)));

    private static final PagingFormat LEVEL_4 = new PagingFormat(48, 8, WIDE_ADDRESS, List.of(
            new Level(39, 9, false, WIDE_ADDRESS),
            new Level(30, 9, true, WIDE_ADDRESS),
            new Level(21, 9, true, WIDE_ADDRESS),
            new Level(12, 9, false, WIDE_ADDRESS)));

    private static final PagingFormat LEVEL_5 = new PagingFormat(57, 8, WIDE_ADDRESS, List.of(
            new Level(48, 9, false, WIDE_ADDRESS),
            new Level(39, 9, false, WIDE_ADDRESS),
            new Level(30, 9, true, WIDE_ADDRESS),
            new Level(21, 9, true, WIDE_ADDRESS),
            new Level(12, 9, false, WIDE_ADDRESS)));

    static PagingFormat of(PagingMode mode) {
        return switch (mode) {
            case X86_32 -> X86_32;
            case PAE -> PAE;
            case LEVEL_4 -> LEVEL_4;
            case LEVEL_5 -> LEVEL_5;
        };
    }

    boolean canonical(long gva) {
        if (addressBits == 32) {
            return gva >>> 32 == 0;
        }
        int unused = 64 - addressBits;
        return gva << unused >> unused == gva;
    }
}
