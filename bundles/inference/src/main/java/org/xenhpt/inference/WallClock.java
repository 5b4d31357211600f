// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.HashSet;
import java.util.Set;

/**
 * {@code wall_to_monotonic} up to 3.16, a negative {@code struct timespec} in the image, a variable up to 3.3 and a
 * member of {@code timekeeper} after that. It is known by what stands near it:
 * <ul>
 * <li>{@code offs_real}, the same amount positive, in nanoseconds, to the last bit: since 3.5, and in earlier kernels
 * that were mended for the leap second of 2012;
 * <li>else, {@code xtime}, which with it is the time since boot, and {@code raw_time}, which is that time by a clock
 * that nobody corrects: since 2.6.32 (before, it belongs to the clocksource, wherever that is);
 * <li>up to 2.6.31, {@code xtime} and {@code xtime_cache}, which is what xtime would be had it been brought up to the
 * last tick: since 2.6.23 (commit 17c38b7490b3).
 * </ul>
 */
final class WallClock {
    static final String VARIABLE = "wall_to_monotonic";
    static final String SLEEP = "total_sleep_time";
    private static final int PAGE = 4096;
    private static final int AROUND = 256;
    /** Twice as far as what stands near it was met. */
    private static final int NEAR_TIMES = 192;
    /** Up to 3.3 xtime, xtime_cache and it are variables aligned to so much; some distributions were sooner. */
    private static final int ALIGNED = 16;
    private static final long LARGEST_IMAGE = 1L << 30;
    private static final long NANOS = 1_000_000_000L;
    /** No guest of these kernels thinks that it was booted earlier, unless it has no clock. */
    private static final long YEAR_2000 = 946_684_800L;
    private static final long MOST_SECONDS = 1L << 33;
    /** By how much raw_time may differ, as a share of it: the kernel corrects its clock by less than a thousandth. */
    private static final int RAW_SHARE = 1000;
    private static final long RAW_NANOS = 10_000_000L;
    /** No tick is later; the last task may have been started after it, when the clock was not yet brought up to date. */
    private static final long TICK_NANOS = NANOS;
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

    /**
     * The object file with init_task is linked first, so that it begins .data: what is before it is code and constants,
     * where by chance numbers can be found that look like times.
     */
    void find() {
        find(findings.symbols().get("init_task") & -PAGE, memory.kernel().imageEnd());
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
        boolean exact = !memory.before(3, 5, 0);
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
        boolean cached = memory.before(2, 6, 32);
        int step = cached ? ALIGNED : pointer;
        if (amount == 0 || cached && (bytes.gva() + at) % ALIGNED != 0) {
            return null;
        }
        for (int time = at - NEAR_TIMES; time < at + NEAR_TIMES; time += step) {
            long sinceBoot = time(bytes, time) - amount;
            for (int other = at - NEAR_TIMES; isSinceBoot(sinceBoot) && other < at + NEAR_TIMES; other += step) {
                long apart = time(bytes, other) - (cached ? time(bytes, time) : sinceBoot);
                if (other != time && (cached ? apart >= 0 && apart < TICK_NANOS
                        : Math.abs(apart) <= sinceBoot / RAW_SHARE + RAW_NANOS)) {
                    return new Found(bytes.gva() + at, "xtime, near it, is later by the time since boot, and "
                            + (cached ? "xtime_cache is less than a tick after that" : "raw_time is just that"), 0);
                }
            }
        }
        return null;
    }

    private boolean isSinceBoot(long nanos) {
        long apart = nanos - findings.latestStart();
        return nanos >= 0 && apart >= -TICK_NANOS && apart <= MOST_IDLE_NANOS;
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
