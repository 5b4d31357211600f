// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.xenhpt.api.guest.MemoryRange;

/**
 * Where a guest that Xen's toolstack built can have RAM. Xen does not tell which frames are populated, so this is an
 * upper bound: what is not there shows when it is mapped.
 */
final class MemoryLayout {
    private static final long GIB = 1L << 30;
    private static final long VGA = 0xa0000;
    private static final long BIOS = 0xc0000;
    /** {@code HVM_BELOW_4G_MMIO_START}: above are the video memory and other devices of an HVM guest. */
    private static final long HVM_LOW_END = 0xf0000000L;
    /** A PVH guest has RAM up to Xen's special pages. */
    private static final long PVH_LOW_END = 0xfef00000L;
    /** hvmloader makes the PCI hole larger at need, down to here, and moves RAM to above 4 GiB. */
    private static final long LEAST_LOW_END = 0x80000000L;

    private MemoryLayout() {
    }

    /**
     * @param total      bytes of RAM that the guest has at most
     * @param maximumGfn the greatest frame in use, if known
     */
    static List<MemoryRange> of(boolean pvh, long total, OptionalLong maximumGfn) {
        long size = total + 0xfff & -0x1000;
        // Devices given to the guest may lie far above its RAM.
        long end = maximumGfn.isPresent() && maximumGfn.getAsLong() >= 0 && maximumGfn.getAsLong() < 1L << 40
                ? maximumGfn.getAsLong() + 1 << 12 : Long.MAX_VALUE;
        long lowEnd = Math.min(Math.min(size, pvh ? PVH_LOW_END : HVM_LOW_END), end);
        long highEnd = Math.min(4 * GIB + size - (pvh ? PVH_LOW_END : LEAST_LOW_END), end);
        List<MemoryRange> ranges = new ArrayList<>();
        add(ranges, 0, Math.min(lowEnd, VGA));
        add(ranges, BIOS, lowEnd);
        add(ranges, 4 * GIB, highEnd);
        return ranges;
    }

    private static void add(List<MemoryRange> ranges, long from, long to) {
        if (to > from) {
            ranges.add(new MemoryRange(from, to - from));
        }
    }
}
