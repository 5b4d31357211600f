// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;

/**
 * Tells an x86-64 kernel's own top-level table from the others that lie in its image and map it: early_top_pgt, the
 * user half that page-table isolation puts beside it, level4_kernel_pgt. Only the real one maps all of physical memory
 * ({@code page_offset_base}), at a multiple of 1 GiB that KASLR chooses.
 */
final class DirectMap {
    private static final long ADDRESS = 0x000ffffffffff000L;

    private final Ram ram;
    private final PagingMode mode;
    private final long root;

    DirectMap(Ram ram, PagingMode mode, long root) {
        this.ram = ram;
        this.mode = mode;
        this.root = root;
    }

    /** Whether a GPA is mapped at the GPA's distance from where a region of the kernel's half begins. */
    boolean reaches(AddressSpace space, long gpa) {
        int topShift = mode == PagingMode.LEVEL_5 ? 48 : 39;
        for (int i = 256; i < 511; i++) {
            long entry = ram.entry(root + i * 8L);
            if (!ImageMapping.leadsOn(ram, entry & ~(1L << 63))) {
                continue;
            }
            long base = (long) i << topShift | -1L << topShift + 8;
            long table = entry & ADDRESS;
            if (mode == PagingMode.LEVEL_5) {
                int j = firstPresent(table);
                if (j < 0) {
                    continue;
                }
                base += (long) j << 39;
                table = ram.entry(table + j * 8L) & ADDRESS;
            }
            int k = firstPresent(table);
            if (k >= 0 && space.find(base + ((long) k << 30) + gpa) == gpa) {
                return true;
            }
        }
        return false;
    }

    private int firstPresent(long table) {
        for (int i = 0; i < 512; i++) {
            if ((ram.entry(table + i * 8L) & 1) != 0) {
                return i;
            }
        }
        return -1;
    }
}
