// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.PagingMode;

/**
 * Finds what may be {@code swapper_pg_dir} of an i386 kernel by what it maps: nothing for user space, and low memory
 * from {@code PAGE_OFFSET} on. Every process's table maps low memory too, and something of its own below. It is for
 * kernels without VMCOREINFO, which came with 2.6.24 and is there only where kexec or crash dumps are.
 */
final class I386Tables {
    /** A place that may be a kernel's own top-level table. */
    record Candidate(PagingMode mode, long root, long pageOffset) {
    }

    static final String WHAT = "searching guest memory for i386 page tables";
    private static final int PAGE = 4096;
    /** The direct map, and so the kernel's image, ends below: PAGE_OFFSET is at least 1 GiB, and 32 bits hold 4. */
    private static final long LOWEST_BEYOND = 3L << 30;
    private static final int MOST = 16;
    private static final int PRESENT = 1;
    private static final int LARGE = 0x80;
    /** Bits that a page-directory-pointer entry must not have (Intel SDM volume 3A, table 4-8). */
    private static final int PDPTE_RESERVED = 0x1c6;
    private static final int PDPT_BYTES = 32;
    private static final int GIB_SHIFT = 30;
    /** Entries looked at after the first, which maps the first MiB by small pages. */
    private static final int LOOKED_AT = 4;

    private final PhysicalMemory memory;
    private final Ram ram;
    private final List<Candidate> found = new ArrayList<>();

    I386Tables(PhysicalMemory memory, Ram ram) {
        this.memory = memory;
        this.ram = ram;
    }

    List<Candidate> find(Progress progress) {
        for (MemoryRange range : memory.ranges()) {
            long end = Math.min(range.end(), LOWEST_BEYOND);
            for (long gpa = range.gpa(); gpa < end && found.size() < MOST;) {
                progress.report(WHAT, gpa, Math.min(ram.size(), LOWEST_BEYOND));
                MemoryWindow window = memory.windowFrom(gpa);
                long stop = window.size() == 0 ? gpa + PAGE : Math.min(end, window.gpa() + window.size());
                for (; window.size() > 0 && gpa < stop && found.size() < MOST; gpa += PAGE) {
                    page(window.bytes(), (int) (gpa - window.gpa()), gpa);
                }
                gpa = stop;
            }
        }
        return found;
    }

    private void page(ByteBuffer bytes, int at, long gpa) {
        // A table without PAE has its kernel's half in its last words: those of a PAE kernel's short one may be
        // anywhere.
        for (long pageOffset : KernelCheck.PAGE_OFFSETS) {
            int first = (int) (pageOffset >>> 22);
            int second = bytes.getInt(at + 4 * (first + 1));
            if ((second & PRESENT) != 0 && leadsTo(second & 0xffffffffL, 4, 4L << 20)
                    && isEmpty(bytes, at, 4 * first) && mapsLowMemory(bytes, at + 4 * first, 4)) {
                add(new Candidate(PagingMode.X86_32, gpa, pageOffset));
                return;
            }
        }
        for (int place = at; place < at + PAGE; place += PDPT_BYTES) {
            // Empty but for the entries of the kernel's GiBs, of which the last is always one.
            int last = bytes.getInt(place + 24);
            if ((last & (PRESENT | PDPTE_RESERVED)) == PRESENT && bytes.getInt(place + 28) == 0
                    && isEmptyUpTo(bytes, place, 1)) {
                pointers(bytes, place, gpa + place - at);
            }
        }
    }

    private void pointers(ByteBuffer bytes, int place, long gpa) {
        for (long pageOffset : KernelCheck.PAGE_OFFSETS) {
            int gib = (int) (pageOffset >>> GIB_SHIFT);
            long pointer = bytes.getLong(place + 8 * gib);
            long directory = pointer & 0xfffff000L;
            if ((pointer & PRESENT) == 0 || pointer >>> 32 != 0 || !isEmptyUpTo(bytes, place, gib)
                    || ram.windowAt(directory).size() == 0) {
                continue;
            }
            MemoryWindow window = ram.windowAt(directory);
            int index = (int) (pageOffset >>> 21 & 511);
            if (mapsLowMemory(window.bytes(), (int) (directory - window.gpa()) + 8 * index, 8)) {
                add(new Candidate(PagingMode.PAE, gpa, pageOffset));
                return;
            }
        }
    }

    /**
     * What stands for "not used" in a PAE kernel's own pointers: nothing, or (zap_low_mappings, up to 2.6.3x) {@code
     * empty_zero_page}, as the CPU reads the pointers only when CR3 is written.
     *
     * @return the first entry if it leads, with no other bit set, to a page that is empty, else 0
     */
    private long unused(ByteBuffer bytes, int place) {
        long first = bytes.getLong(place);
        long page = first - PRESENT;
        if ((first & PAGE - 1) != PRESENT || page == 0 || page >>> 32 != 0) {
            return 0;
        }
        MemoryWindow window = ram.windowAt(page);
        int at = (int) (page - window.gpa());
        return window.size() != 0 && at + PAGE <= window.size() && isEmpty(window.bytes(), at, PAGE) ? first : 0;
    }

    /** Whether a table of PAE pointers leads nowhere before the GiB given. */
    private boolean isEmptyUpTo(ByteBuffer bytes, int place, int gib) {
        long none = unused(bytes, place);
        for (int i = 0; i < gib; i++) {
            if (bytes.getLong(place + 8 * i) != none) {
                return false;
            }
        }
        return true;
    }

    private void add(Candidate candidate) {
        if (found.size() < MOST) {
            found.add(candidate);
        }
    }

    private static boolean isEmpty(ByteBuffer bytes, int from, int length) {
        for (int i = 0; i < length; i += 4) {
            if (bytes.getInt(from + i) != 0) {
                return false;
            }
        }
        return true;
    }

    /** Whether the entries from here on map physical memory from 0 on. */
    private boolean mapsLowMemory(ByteBuffer bytes, int at, int size) {
        long each = size == 4 ? 4L << 20 : 2L << 20;
        for (int i = 1; i <= LOOKED_AT; i++) {
            int place = at + i * size;
            if (place + size > bytes.limit()) {
                return false;
            }
            long entry = size == 4 ? bytes.getInt(place) & 0xffffffffL : bytes.getLong(place);
            if (!leadsTo(entry, size, i * each)) {
                return false;
            }
        }
        return (bytes.getInt(at) & PRESENT) != 0;
    }

    /** Whether a directory's entry maps what begins at a GPA, by a large page or by a table of small ones. */
    private boolean leadsTo(long entry, int size, long gpa) {
        long mask = size == 4 ? 0xfffff000L : 0x000ffffffffff000L;
        if ((entry & PRESENT) == 0) {
            return false;
        }
        if ((entry & LARGE) != 0) {
            return (entry & mask) == gpa;
        }
        long table = entry & mask;
        MemoryWindow window = ram.windowAt(table);
        if (window.size() == 0) {
            return false;
        }
        int at = (int) (table - window.gpa());
        int entries = PAGE / size;
        for (int i = 0; i < entries; i++) {
            long leaf = size == 4 ? window.bytes().getInt(at + 4 * i) & 0xffffffffL
                    : window.bytes().getLong(at + 8 * i);
            if ((leaf & PRESENT) != 0) {
                return (leaf & mask) == gpa + (long) i * PAGE;
            }
        }
        return false;
    }
}
