// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.HashSet;
import java.util.Set;

/**
 * {@code wall_to_monotonic} up to 3.16, a negative {@code struct timespec} in the image, a variable up to 3.3 and a
 * member of {@code timekeeper} after that. It is known by what stands near it:
 * <ul>
 * <li>{@code offs_real}, the same amount positive, in nanoseconds, to the last bit: since 3.4, and in earlier kernels
 * that were mended for the leap second of 2012;
 * <li>else, {@code xtime}, which with it is the time since boot, and {@code raw_time}, which is that time by a clock
 * that nobody corrects: since 2.6.28 (commit 2d42244ae71d).
 * </ul>
 */
final class WallClock {
    static final String VARIABLE = "wall_to_monotonic";
    static final String SLEEP = "total_sleep_time";
    private static final int PAGE = 4096;
    private static final int AROUND = 256;
    private static final long LARGEST_IMAGE = 1L << 30;
    private static final long NANOS = 1_000_000_000L;
    /** No guest of these kernels thinks that it was booted earlier, unless it has no clock. */
    private static final long YEAR_2000 = 946_684_800L;
    private static final long MOST_SECONDS = 1L << 33;
    /** By how much raw_time may differ, as a share of it: the kernel corrects its clock by less than a thousandth. */
    private static final int RAW_SHARE = 1000;
    private static final long RAW_NANOS = 10_000_000L;
    /** In a guest where nothing was begun or run for longer, numbers that are no times could pass for some: a day. */
    private static final long MOST_IDLE_NANOS = 86_400 * NANOS;

    private final KernelMemory memory;
    private final Findings findings;
    private final int pointer;
    private final int timespec;

    WallClock(KernelMemory memory, Findings findings) {
        this.memory = memory;
        this.findings = findings;
        this.pointer = memory.pointerSize();
        this.timespec = 2 * pointer;
    }

    /** Whether a kernel has it so: 3.17 made it a timespec64 (commit 7d489d15ce4b). */
    static boolean isFor(KernelMemory memory) {
        return memory.before(3, 17, 0);
    }

    void find() {
        long start = memory.kernel().imageStart() & -PAGE;
        find(start + PAGE, memory.kernel().imageEnd());
    }

    /** Looks at one place only. */
    void findAt(long gva) {
        find(gva & -PAGE, (gva & -PAGE) + PAGE);
    }

    /** Where one was met, and by what it was known. */
    private record Found(long gva, String by, long sleep) {
    }

    private void find(long from, long end) {
        Found first = null;
        Set<Long> amounts = new HashSet<>();
        boolean exact = !memory.before(3, 4, 0);
        byte[] bytes = new byte[AROUND + PAGE + AROUND];
        for (long page = from; end - page > 0 && end - page < LARGEST_IMAGE; page += PAGE) {
            int length = memory.copy(page - AROUND, bytes);
            if (length < bytes.length) {
                continue;
            }
            Snapshot around = new Snapshot(page - AROUND, bytes, length, pointer);
            for (int at = AROUND; at < AROUND + PAGE; at += pointer) {
                long seconds = -word(around, at);
                if (seconds > YEAR_2000 && seconds < MOST_SECONDS) {
                    Found found = byOffset(around, at);
                    if (found != null && !exact) {
                        // Where there is offs_real, what stands beside other times is another one.
                        exact = true;
                        first = null;
                        amounts.clear();
                    }
                    found = exact ? found : byTimes(around, at);
                    // Copies of it, for user space and for the kernel's next tick, say the same.
                    if (found != null && amounts.add(amount(around, at)) && first == null) {
                        first = found;
                    }
                }
            }
        }
        if (amounts.size() != 1) {
            findings.missing(VARIABLE + ": " + (amounts.isEmpty() ? "nothing" : amounts.size() + " different times")
                    + " in the image could be it");
        } else if (first.sleep == 0 && findings.suspended()) {
            findings.missing(SLEEP + ": the machine was suspended, and where it is kept for how long is not known");
        } else {
            findings.symbol(VARIABLE, first.gva, first.by);
            if (first.sleep != 0) {
                findings.symbol(SLEEP, first.sleep, "stands where it does beside " + VARIABLE
                        + ", and offs_boot after it is as much");
            }
        }
    }

    private Found byOffset(Snapshot bytes, int at) {
        long amount = amount(bytes, at);
        for (int real = at - AROUND; amount > 0 && real < at + AROUND - 8; real += 4) {
            if (bytes.int64(real) == amount) {
                return new Found(bytes.gva() + at, "offs_real, near it, is the same amount positive",
                        sleep(bytes, at, real));
            }
        }
        return null;
    }

    private Found byTimes(Snapshot bytes, int at) {
        long amount = amount(bytes, at);
        long earliest = findings.latestStart();
        for (int time = at - AROUND; amount > 0 && time < at + AROUND - timespec; time += pointer) {
            long sinceBoot = time(bytes, time) - amount;
            if (sinceBoot >= earliest && sinceBoot - earliest <= MOST_IDLE_NANOS) {
                for (int raw = at - AROUND; raw < at + AROUND - timespec; raw += pointer) {
                    long apart = Math.abs(time(bytes, raw) - sinceBoot);
                    if (raw != time && apart <= sinceBoot / RAW_SHARE + RAW_NANOS) {
                        return new Found(bytes.gva() + at,
                                "xtime, near it, is later by the time since boot, and raw_time is just that", 0);
                    }
                }
            }
        }
        return null;
    }

    /**
     * Of timekeeper, where total_sleep_time is: up to 3.5 the three times come first, then offs_real and offs_boot;
     * after that each time has its offset behind it. Variables may be in any order.
     */
    private long sleep(Snapshot bytes, int at, int real) {
        int time = real == at + timespec ? real + 8 : at + timespec;
        int boot = real == at + timespec ? time + timespec : real + 8;
        boolean known = real == at + timespec || real == at + 3 * timespec;
        return !memory.before(3, 4, 0) && known && boot + 8 <= bytes.length() && time(bytes, time) >= 0
                && time(bytes, time) == bytes.int64(boot) ? bytes.gva() + time : 0;
    }

    private long word(Snapshot bytes, int at) {
        return pointer == 4 ? bytes.int32(at) : bytes.int64(at);
    }

    /** How much a negative time is, in nanoseconds; 0 when it is none. */
    private long amount(Snapshot bytes, int at) {
        long seconds = word(bytes, at);
        long nanos = word(bytes, at + pointer);
        return seconds >= 0 || seconds < -MOST_SECONDS || nanos < 0 || nanos >= NANOS ? 0 : -(seconds * NANOS + nanos);
    }

    /** In nanoseconds; -1 when it is none. */
    private long time(Snapshot bytes, int at) {
        long seconds = word(bytes, at);
        long nanos = word(bytes, at + pointer);
        return seconds < 0 || seconds > MOST_SECONDS || nanos < 0 || nanos >= NANOS ? -1 : seconds * NANOS + nanos;
    }
}
