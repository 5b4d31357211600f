// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.util.List;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;

/** Words of guest physical memory, without an exception where there is none. Remembers the last window. */
final class Ram {
    private final PhysicalMemory memory;
    private final long[] begins;
    private final long[] ends;
    private MemoryWindow window = MemoryWindow.NONE;

    Ram(PhysicalMemory memory) {
        this.memory = memory;
        List<MemoryRange> ranges = memory.ranges();
        begins = ranges.stream().mapToLong(MemoryRange::gpa).toArray();
        ends = ranges.stream().mapToLong(MemoryRange::end).toArray();
    }

    /** Bytes of RAM that the guest has. */
    long size() {
        long size = 0;
        for (int i = 0; i < begins.length; i++) {
            size += ends[i] - begins[i];
        }
        return size;
    }

    boolean contains(long gpa) {
        for (int i = 0; i < begins.length; i++) {
            if (gpa >= begins[i] && gpa < ends[i]) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether a GPA lies between the first and the last byte of RAM. Of a filtered image more cannot be asked: the free
     * pages at a kernel image's end are not in it.
     */
    boolean spans(long gpa) {
        return begins.length > 0 && gpa >= begins[0] && gpa < ends[ends.length - 1];
    }

    /** The aligned 8 bytes at a GPA, or 0: what is not there is like an entry that is not present. */
    long entry(long gpa) {
        MemoryWindow at = windowAt(gpa);
        return at.size() == 0 ? 0 : at.bytes().getLong((int) (gpa - at.gpa()));
    }

    MemoryWindow windowAt(long gpa) {
        long inWindow = gpa - window.gpa();
        if (inWindow < 0 || inWindow >= window.size()) {
            window = contains(gpa) ? memory.window(gpa) : MemoryWindow.NONE;
        }
        return window;
    }

    int read(long gpa, byte[] to) {
        return memory.read(gpa, to, 0, to.length);
    }
}
