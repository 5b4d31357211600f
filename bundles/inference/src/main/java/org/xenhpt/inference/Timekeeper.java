// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.HashSet;
import java.util.Set;

/**
 * The kernel's timekeeper, in the image: {@code offs_real}, by which real time is ahead of the time since boot, follows
 * {@code wall_to_monotonic}, which is the same amount negative, in seconds and nanoseconds; and before these are the
 * seconds of both clocks, which differ by as much. That is so since 3.19 (commit 9e3680b1750b).
 */
final class Timekeeper {
    static final String STRUCT = "timekeeper";
    private static final int PAGE = 4096;
    private static final int BEFORE = 256;
    private static final int AFTER = 64;
    private static final long LARGEST_IMAGE = 1L << 30;
    private static final long NANOS = 1_000_000_000L;
    private static final long MOST_SECONDS = 1L << 33;
    /** Bits of the counters that clocksources read. */
    private static final int FEWEST_BITS = 20;

    private final KernelMemory memory;
    private final Findings findings;
    private final int pointer;

    Timekeeper(KernelMemory memory, Findings findings) {
        this.memory = memory;
        this.findings = findings;
        this.pointer = memory.pointerSize();
    }

    void find() {
        long start = memory.kernel().imageStart() & -PAGE;
        find(start + PAGE, memory.kernel().imageEnd());
        if (!findings.has(STRUCT, "offs_real")) {
            findings.missing("timekeeper: nothing in the image is one");
        }
    }

    /** Looks at one place only. */
    void findAt(long gva) {
        find(gva & -PAGE, (gva & -PAGE) + 2 * PAGE);
        if (!findings.has(STRUCT, "offs_real")) {
            findings.missing("timekeeper: nothing in the image is one");
        }
    }

    private void find(long from, long end) {
        Set<Long> offsets = new HashSet<>();
        byte[] bytes = new byte[BEFORE + PAGE + AFTER];
        // The shadow that the kernel prepares the next values in is found as well; both say the same but for a moment.
        for (long page = from; end - page > 0 && end - page < LARGEST_IMAGE; page += PAGE) {
            int length = memory.copy(page - BEFORE, bytes);
            if (length < BEFORE + PAGE) {
                continue;
            }
            Snapshot around = new Snapshot(page - BEFORE, bytes, length, pointer);
            for (int at = BEFORE; at < BEFORE + PAGE && at + AFTER <= length; at += pointer) {
                // Nothing in the kernel but this is that many seconds negative and the same in nanoseconds.
                if (around.int64(at) < 0 && isWallToMonotonic(around, at) && begin(around, at) >= 0) {
                    long seconds = around.int64(at + realFrom()) / NANOS;
                    if (offsets.add(seconds) && offsets.size() == 1) {
                        add(around, begin(around, at), at + realFrom());
                    }
                }
            }
        }
    }

    /** From wall_to_monotonic, a timespec64, to offs_real, in bytes. */
    private int realFrom() {
        return 8 + pointer;
    }

    private boolean isWallToMonotonic(Snapshot bytes, int at) {
        long seconds = bytes.int64(at);
        long nanos = bytes.pointer(at + 8);
        long real = bytes.int64(at + realFrom());
        long boot = bytes.int64(at + realFrom() + 8);
        if (seconds < -MOST_SECONDS || nanos < 0 || nanos >= NANOS || real != -(seconds * NANOS + nanos)
                || boot < 0 || boot > real) {
            return false;
        }
        long realSeconds = bytes.int64(at - pointer - 8);
        long monotonicSeconds = bytes.pointer(at - pointer);
        long difference = monotonicSeconds - (realSeconds + seconds);
        return difference == 0 || difference == 1;
    }

    /** Where the timekeeper begins: with a clock, which leads to a clocksource in the image, and its mask; or -1. */
    private int begin(Snapshot bytes, int at) {
        for (int begin = at - BEFORE / 2 - 4 * pointer; begin < at; begin += pointer) {
            if (begin >= 0 && memory.inImage(bytes.pointer(begin)) && isMask(bytes.int64(begin + pointer))) {
                return begin;
            }
        }
        return -1;
    }

    private static boolean isMask(long mask) {
        return (mask & mask + 1) == 0 && Long.bitCount(mask) >= FEWEST_BITS;
    }

    private void add(Snapshot bytes, int begin, int real) {
        findings.symbol(STRUCT, bytes.gva() + begin, "a variable of the kernel image");
        String by = "wall_to_monotonic before it is the same amount negative, and both clocks' seconds differ by it";
        findings.add(STRUCT, "xtime_sec", new Candidate(real - realFrom() - pointer - 8 - begin, 1, 1), 8, "u64", by);
        findings.add(STRUCT, "offs_real", new Candidate(real - begin, 1, 1), 8, "ktime_t", by);
        findings.add(STRUCT, "offs_boot", new Candidate(real - begin + 8, 1, 1), 8, "ktime_t", by);
    }
}
