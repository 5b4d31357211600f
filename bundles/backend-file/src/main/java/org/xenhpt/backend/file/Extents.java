// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.xenhpt.api.guest.MemoryRange;

/**
 * The extents of an image: sorted by GPA, not overlapping, whole pages.
 *
 * <p>A page of which the image has a part only is left out: firmware's tables end in the middle of pages, and no kernel
 * uses such a page as RAM. Where two extents hold the same GPA ({@code /proc/vmcore} describes the kernel's text twice)
 * the one that begins first is used.
 */
final class Extents {
    static final int PAGE = 4096;

    private final long[] starts;
    private final long[] ends;
    private final long[] offsets;

    Extents(List<Extent> found) {
        List<Extent> sorted = new ArrayList<>(found);
        Collections.sort(sorted);
        List<Extent> kept = new ArrayList<>();
        long covered = 0;
        for (Extent extent : joined(sorted)) {
            long start = Math.max(covered, extent.gpa() + PAGE - 1 & -PAGE);
            long end = extent.end() & -PAGE;
            if (start < end) {
                kept.add(new Extent(start, extent.at() + (start - extent.gpa()), end - start));
                covered = end;
            }
        }
        int count = kept.size();
        starts = new long[count];
        ends = new long[count];
        offsets = new long[count];
        for (int i = 0; i < count; i++) {
            starts[i] = kept.get(i).gpa();
            ends[i] = kept.get(i).end();
            offsets[i] = kept.get(i).at();
        }
    }

    /** Joins what follows both in memory and in the image, so that a page cut in two is whole again. */
    private static List<Extent> joined(List<Extent> sorted) {
        List<Extent> result = new ArrayList<>();
        Extent last = null;
        for (Extent extent : sorted) {
            if (last != null && last.end() == extent.gpa() && last.at() + last.size() == extent.at()) {
                last = new Extent(last.gpa(), last.at(), last.size() + extent.size());
                result.set(result.size() - 1, last);
            } else {
                last = extent;
                result.add(extent);
            }
        }
        return result;
    }

    int count() {
        return starts.length;
    }

    long start(int extent) {
        return starts[extent];
    }

    long end(int extent) {
        return ends[extent];
    }

    /** Offset in the image of the byte at a GPA of this extent. */
    long offset(int extent, long gpa) {
        return offsets[extent] + (gpa - starts[extent]);
    }

    /** The extent that holds a GPA, or -1. */
    int find(long gpa) {
        int found = Arrays.binarySearch(starts, gpa);
        int extent = found >= 0 ? found : -found - 2;
        return extent >= 0 && gpa < ends[extent] ? extent : -1;
    }

    /** The sum of their sizes in bytes. */
    long bytes() {
        long sum = 0;
        for (int i = 0; i < starts.length; i++) {
            sum += ends[i] - starts[i];
        }
        return sum;
    }

    /** What the extents cover, neighbours joined. */
    List<MemoryRange> ranges() {
        List<MemoryRange> ranges = new ArrayList<>();
        for (int i = 0; i < starts.length; ) {
            long start = starts[i];
            long end = ends[i];
            for (i++; i < starts.length && starts[i] == end; i++) {
                end = ends[i];
            }
            ranges.add(new MemoryRange(start, end - start));
        }
        return List.copyOf(ranges);
    }
}
