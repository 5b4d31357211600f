// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.List;
import java.util.Optional;
import java.util.function.ToLongBiFunction;
import java.util.function.ToLongFunction;

/** {@code start_time} and the boot-time one after it: the list of processes is in the order in which they were made. */
final class Times {
    /** Thirty years. In seconds it is less than any address of a 32-bit kernel, which so cannot pass for one. */
    static final long LONGEST_NANOS = 30L * 366 * 86_400 * 1_000_000_000;

    private static final long NANOS = 1_000_000_000L;
    /** Both clocks are read at once, but the one after the other. */
    private static final long SLACK_NANOS = NANOS / 10;
    /** HZ is at most 1000: the last task began no sooner than a tick after the boot. */
    private static final long TICKS = 1000;
    private static final String TASK = "task_struct";

    private final Tasks tasks;
    private final Findings findings;

    Times(Tasks tasks, Findings findings) {
        this.tasks = tasks;
        this.findings = findings;
    }

    void find() {
        // A pair of timespecs, looked at one word off, can pass for a pair of u64 on 32 bits.
        boolean before = !tasks.memory().kernel().version().atLeast(3, 17)
                && (tasks.memory().before(2, 6, 23) ? timespec() : timespecs());
        if (!before && !nanoseconds()) {
            findings.missing("start_time: no two times in a row grow along the list of processes");
        }
    }

    /** A u64 each, since 3.17 (commit ccbf62d8a284). */
    private boolean nanoseconds() {
        List<Candidate> found =
                Candidate.search(0, tasks.window() - 16, tasks.memory().pointerSize(), tasks.processes(),
                (task, offset) -> {
                    long monotonic = task.int64(offset);
                    // The one that counts the time in which the machine was suspended is never the smaller.
                    return monotonic > 0 && task.int64(offset + 8) >= monotonic
                            && task.int64(offset + 8) < LONGEST_NANOS;
                });
        found.removeIf(pair -> findings.isTaken(TASK, pair.offset(), 16) || isPointer(pair.offset())
                || !grows(order(task -> task.int64(pair.offset() + 8))));
        Optional<Candidate> start = bestOrdered(found, (task, offset) -> task.int64(offset));
        start.ifPresent(pair -> {
            add(pair, 8, "u64");
            tasks.started(task -> task.int64(pair.offset()));
        });
        return start.isPresent();
    }

    /** Of 32-bit kernels: thread_pid and what it is linked by, each before a NULL, grow from task to task as well. */
    private boolean isPointer(int offset) {
        return 2 * tasks.processes().stream().filter(t -> tasks.memory().leadsSomewhere(t.pointer(offset))).count()
                > tasks.processes().size();
    }

    /** A {@code struct timespec} each before: seconds, and nanoseconds within the second. */
    private boolean timespecs() {
        int pointer = tasks.memory().pointerSize();
        int size = 2 * pointer;
        List<Candidate> found = Candidate.search(0, tasks.window() - 2 * size, pointer, tasks.processes(),
                (task, offset) -> {
                    long monotonic = nanos(task, offset);
                    long boot = nanos(task, offset + size);
                    // The first ones may be begun before the first tick.
                    return monotonic >= 0 && boot >= monotonic && boot < LONGEST_NANOS;
                });
        found.removeIf(pair -> findings.isTaken(TASK, pair.offset(), 2 * size)
                || !grows(order(task -> nanos(task, pair.offset() + size))));
        Optional<Candidate> start = bestOrdered(found, this::nanos);
        start.ifPresent(pair -> {
            add(pair, size, "struct timespec");
            tasks.started(task -> nanos(task, pair.offset()));
            findings.starts(tasks.all().stream().mapToLong(tasks::started).max().orElse(0),
                    tasks.all().stream().anyMatch(task -> nanos(task, pair.offset() + size)
                            - nanos(task, pair.offset()) > SLACK_NANOS));
        });
        return start.isPresent();
    }

    /** Before 2.6.23 (commit 924b42d5a2db) there is no second one. */
    private boolean timespec() {
        int pointer = tasks.memory().pointerSize();
        List<Candidate> found = Candidate.search(0, tasks.window() - 2 * pointer, pointer, tasks.processes(),
                (task, offset) -> nanos(task, offset) >= 0 && nanos(task, offset) < LONGEST_NANOS);
        found.removeIf(time -> findings.isTaken(TASK, time.offset(), 2 * pointer));
        Optional<Candidate> start = bestOrdered(found, this::nanos);
        start.ifPresent(time -> {
            findings.add(TASK, "start_time", time, 2 * pointer, "struct timespec",
                    "a time that grows along the list of processes");
            tasks.started(task -> nanos(task, time.offset()));
        });
        return start.isPresent();
    }

    private long nanos(Snapshot task, int offset) {
        long seconds = task.pointer(offset);
        long nanos = task.pointer(offset + tasks.memory().pointerSize());
        return seconds < 0 || seconds > LONGEST_NANOS / NANOS || nanos < 0 || nanos >= NANOS ? -1 : seconds * NANOS
                + nanos;
    }

    private void add(Candidate monotonic, int size, String type) {
        Candidate boot = new Candidate(monotonic.offset() + size, monotonic.agreed(), monotonic.asked());
        String by = "a time that grows along the list of processes, twice in a row, the second never the smaller";
        findings.add(TASK, "start_time", monotonic, size, type, by);
        // Renamed in 5.5 (commit cf25e24db61c).
        boolean renamed = tasks.memory().kernel().version().atLeast(5, 5);
        findings.add(TASK, renamed ? "start_boottime" : "real_start_time", boot, size, type, by);
    }

    private boolean grows(Order order) {
        int count = tasks.processes().size();
        // Until the clock is better than its ticks, many kernel threads begin within one.
        return order.wrong <= count / 8 && 4 * order.same <= 3 * count;
    }

    /** How many tasks have a smaller value than the one before, and how many the same. */
    private record Order(int wrong, int same) {
    }

    /**
     * Few are out of order: two CPUs that fork at once, a thread that took its process over (exec). Of what is no time,
     * half would be. Most differ.
     */
    private Order order(ToLongFunction<Snapshot> time) {
        long before = time.applyAsLong(tasks.init());
        int wrong = before < 0 || before > LONGEST_NANOS ? 1 : 0;
        int same = 0;
        for (Snapshot task : tasks.processes()) {
            long now = time.applyAsLong(task);
            if (now < before) {
                wrong++;
            } else if (now == before) {
                same++;
            }
            before = now;
        }
        return new Order(wrong, same);
    }

    /**
     * Of the times that grow, the one that orders the tasks best, if one alone does: CPU times that are nought for
     * nearly all can grow too. In a guest whose tasks all began within the first second, nanoseconds pass for seconds
     * as well, a word further on, and order the tasks the same; that makes years of what is less than a second.
     */
    private Optional<Candidate> bestOrdered(List<Candidate> found, ToLongBiFunction<Snapshot, Integer> time) {
        Candidate best = null;
        int least = Integer.MAX_VALUE;
        boolean alone = true;
        for (Candidate candidate : found) {
            Order order = order(task -> time.applyAsLong(task, candidate.offset()));
            if (!grows(order)) {
                continue;
            }
            int disorder = order.wrong + order.same;
            if (disorder == least && candidate.offset() == best.offset() + tasks.memory().pointerSize()
                    && latest(best, time) < NANOS && latest(candidate, time) > NANOS * NANOS / TICKS) {
                continue;
            }
            alone = disorder < least || alone && disorder > least;
            if (disorder < least) {
                least = disorder;
                best = candidate;
            }
        }
        return alone ? Optional.ofNullable(best) : Optional.empty();
    }

    private long latest(Candidate candidate, ToLongBiFunction<Snapshot, Integer> time) {
        return tasks.processes().stream().mapToLong(task -> time.applyAsLong(task, candidate.offset())).max().orElse(0);
    }
}
