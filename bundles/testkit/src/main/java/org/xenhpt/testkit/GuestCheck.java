// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.testkit;

import java.util.Arrays;
import java.util.List;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;

/** What must hold of the guests of every backend, for tests of backends. */
public final class GuestCheck {
    private static final int PAGE = 4096;
    private static final long LARGEST_WINDOW = 1L << 30;

    private GuestCheck() {
    }

    /**
     * Checks that a guest keeps the contract of {@link PhysicalMemory} and has the memory that it should have.
     *
     * @param truth the memory that the guest was made of; a page that it has and the guest lacks is an error
     * @throws AssertionError with the first thing that is wrong
     */
    public static void check(Guest guest, PhysicalMemory truth) {
        PhysicalMemory memory = guest.memory();
        List<MemoryRange> ranges = memory.ranges();
        require(ranges.equals(truth.ranges()), "its ranges are " + ranges + ", not " + truth.ranges());
        long end = 0;
        for (MemoryRange range : ranges) {
            require(range.gpa() >= end, "its ranges are not sorted, or overlap: " + ranges);
            require(((range.gpa() | range.size()) & PAGE - 1) == 0, "a range is not of whole pages: " + range);
            require(range.gpa() == end || isNothing(memory, range.gpa() - PAGE), "there is memory before " + range);
            pages(memory, truth, range);
            end = range.end();
        }
        for (long outside : new long[] {end, end + (1L << 40), Long.MAX_VALUE, -PAGE, Long.MIN_VALUE}) {
            require(isNothing(memory, outside), "there is memory at GPA 0x" + Long.toHexString(outside)
                    + ", which is in no range");
        }
    }

    private static void pages(PhysicalMemory memory, PhysicalMemory truth, MemoryRange range) {
        byte[] found = new byte[2 * PAGE];
        byte[] expected = new byte[2 * PAGE];
        for (long gpa = range.gpa(); gpa < range.end(); gpa += PAGE) {
            long last = gpa + PAGE - 1;
            String where = "GPA 0x" + Long.toHexString(gpa);
            MemoryWindow window = memory.window(last);
            require(window.size() > 0 && window.gpa() <= gpa && window.gpa() + window.size() > last,
                    "the window for the last byte of the page at " + where + " does not hold it");
            require(window.size() <= LARGEST_WINDOW, "the window at " + where + " is larger than 1 GiB");
            // Across the border of two pages, and at the range's end up to there.
            int length = (int) Math.min(range.end() - gpa, 2 * PAGE);
            int read = memory.read(gpa, found, 0, length);
            require(read == length, "it cannot be read at GPA 0x" + Long.toHexString(gpa + read));
            truth.read(gpa, expected, 0, length);
            int differs = Arrays.mismatch(found, 0, length, expected, 0, length);
            require(differs < 0, "GPA 0x" + Long.toHexString(gpa + differs) + " is not what it should be");
        }
    }

    private static boolean isNothing(PhysicalMemory memory, long gpa) {
        return memory.window(gpa).size() == 0 && memory.read(gpa, new byte[1], 0, 1) == 0;
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }
}
