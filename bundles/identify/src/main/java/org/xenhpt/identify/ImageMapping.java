// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.util.Optional;
import org.xenhpt.api.translation.PagingMode;

/**
 * How an x86-64 kernel maps its own image: the last GiB but one of its virtual memory ({@code __START_KERNEL_map},
 * Documentation/arch/x86/x86_64/mm.rst), by one page-middle directory of 2 MiB entries, physically contiguous. KASLR
 * moves the image in that GiB and, independently, in physical memory; the mapping tells both without a symbol.
 *
 * @param directory GPA of the page-middle directory
 * @param physBase  GPA of a byte of the image, less (its GVA - {@link #BASE})
 * @param start     GVA of the first mapped byte, a multiple of 2 MiB: {@code _text}
 * @param end       GVA after the last mapped byte, a multiple of 2 MiB
 * @param noExecute GVA of the first page after {@code start} that may not be executed (where read-only data begins once
 *                  the kernel has protected it), or {@code start} when there is none
 */
record ImageMapping(long directory, long physBase, long start, long end, long noExecute) {
    /** {@code __START_KERNEL_map}. */
    static final long BASE = 0xffffffff80000000L;
    /** CONFIG_PHYSICAL_START: where an image is linked, from {@link #BASE}. */
    static final long LINKED_AT = 0x1000000;

    private static final long LARGE = 1L << 21;
    private static final int ENTRIES = 512;
    /** The freed init section leaves a hole; Debian's are below 10 MiB. */
    private static final int MAX_HOLE = 32;
    /** The least that an image has: text, read-only data, data, bss. */
    private static final int MIN_ENTRIES = 3;

    /** 256 MiB: no kernel is half as large, and what is mapped may be searched byte by byte. */
    private static final int MAX_ENTRIES = 128;

    private static final long PRESENT = 1;
    private static final long WRITABLE = 2;
    private static final long PAGE_SIZE = 1 << 7;
    private static final long NO_EXECUTE = 1L << 63;
    private static final long ADDRESS = 0x000ffffffffff000L;
    /** Bits that no table entry of a kernel sets: reserved or ignored ones, from 52 to 62. */
    private static final long NEVER = 0x7ff0000000000000L;

    /** The mapping that a page leads to if it were a 4-level kernel's top-level table. */
    static Optional<ImageMapping> ofLevel4(Ram ram, long root) {
        long upper = ram.entry(root + 511 * 8);
        return leadsOn(ram, upper) ? ofUpperDirectory(ram, upper & ADDRESS) : Optional.empty();
    }

    /** The mapping that a page leads to if it were a 5-level kernel's top-level table. */
    static Optional<ImageMapping> ofLevel5(Ram ram, long root) {
        long fourth = ram.entry(root + 511 * 8);
        return leadsOn(ram, fourth) ? ofLevel4(ram, fourth & ADDRESS) : Optional.empty();
    }

    /** The mapping of a kernel whose top-level table a page is; empty on i386, which has no such. */
    static Optional<ImageMapping> of(Ram ram, PagingMode mode, long root) {
        return switch (mode) {
            case LEVEL_4 -> ofLevel4(ram, root);
            case LEVEL_5 -> ofLevel5(ram, root);
            case PAE, X86_32 -> Optional.empty();
        };
    }

    private static Optional<ImageMapping> ofUpperDirectory(Ram ram, long upperDirectory) {
        long middle = ram.entry(upperDirectory + 510 * 8);
        return leadsOn(ram, middle) ? ofDirectory(ram, middle & ADDRESS) : Optional.empty();
    }

    /** Whether an entry is one that a kernel writes to lead from one table to the next in its own half. */
    static boolean leadsOn(Ram ram, long entry) {
        return (entry & (PRESENT | WRITABLE | PAGE_SIZE | NEVER | NO_EXECUTE)) == (PRESENT | WRITABLE)
                && (entry & ADDRESS) != 0 && ram.contains(entry & ADDRESS);
    }

    static long address(long entry) {
        return entry & ADDRESS;
    }

    private static Optional<ImageMapping> ofDirectory(Ram ram, long directory) {
        long physBase = 0;
        int first = -1;
        int last = -1;
        long noExecute = 0;
        for (int i = 0; i < ENTRIES && (first < 0 || i < first + MAX_ENTRIES); i++) {
            long entry = ram.entry(directory + i * 8L);
            long leaf = firstLeaf(ram, entry);
            if (leaf == 0) {
                if (first >= 0 && i - last > MAX_HOLE) {
                    break;
                }
                continue;
            }
            long here = leafAddress(ram, entry) - i * LARGE;
            if (first < 0) {
                if ((here & LARGE - 1) != 0 || !ram.spans(here + i * LARGE)) {
                    return Optional.empty();
                }
                physBase = here;
                first = i;
            } else if (here != physBase) {
                // Without KASLR support modules begin in this GiB too.
                break;
            }
            last = i;
            if (noExecute == 0) {
                noExecute = firstNoExecute(ram, entry, BASE + i * LARGE);
            }
        }
        if (first < 0 || last - first + 1 < MIN_ENTRIES || !ram.spans(physBase + (last + 1) * LARGE - 1)) {
            return Optional.empty();
        }
        long start = BASE + first * LARGE;
        return Optional.of(new ImageMapping(directory, physBase, start, BASE + (last + 1) * LARGE,
                noExecute == 0 ? start : noExecute));
    }

    /** The entry itself when it maps 2 MiB, else the first present entry of the table it leads to, else 0. */
    private static long firstLeaf(Ram ram, long entry) {
        int index = firstLeafIndex(ram, entry);
        if (index < 0) {
            return 0;
        }
        return (entry & PAGE_SIZE) != 0 ? entry : ram.entry((entry & ADDRESS) + index * 8L);
    }

    private static int firstLeafIndex(Ram ram, long entry) {
        if ((entry & PRESENT) == 0) {
            return -1;
        }
        if ((entry & PAGE_SIZE) != 0) {
            return 0;
        }
        if (!ram.contains(entry & ADDRESS)) {
            return -1;
        }
        for (int i = 0; i < ENTRIES; i++) {
            if ((ram.entry((entry & ADDRESS) + i * 8L) & PRESENT) != 0) {
                return i;
            }
        }
        return -1;
    }

    /** Where the entry's 2 MiB begin in physical memory, if they are contiguous. */
    private static long leafAddress(Ram ram, long entry) {
        if ((entry & PAGE_SIZE) != 0) {
            return entry & ADDRESS & -LARGE;
        }
        int index = firstLeafIndex(ram, entry);
        return (ram.entry((entry & ADDRESS) + index * 8L) & ADDRESS) - index * 4096L;
    }

    private static long firstNoExecute(Ram ram, long entry, long gva) {
        if ((entry & PAGE_SIZE) != 0) {
            return (entry & NO_EXECUTE) != 0 ? gva : 0;
        }
        for (int i = 0; i < ENTRIES; i++) {
            long leaf = ram.entry((entry & ADDRESS) + i * 8L);
            if ((leaf & PRESENT) != 0 && ((leaf | entry) & NO_EXECUTE) != 0) {
                return gva + i * 4096L;
            }
        }
        return 0;
    }

    long gpaOf(long gva) {
        return gva - BASE + physBase;
    }

    /** Whether a byte of physical memory belongs to the image. */
    boolean holds(long gpa) {
        return gpa >= gpaOf(start) && gpa < gpaOf(end);
    }

    /** By how much the image was moved from where CONFIG_PHYSICAL_START, left at its default, links it. */
    long kaslrOffset() {
        return start - BASE - LINKED_AT;
    }
}
