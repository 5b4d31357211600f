// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.List;
import java.util.Optional;

/** {@code start_time} and the boot-time one after it: the list of processes is in the order in which they were made. */
final class Times {
    /** A hundred years. */
    static final long LONGEST_NANOS = 100L * 366 * 86_400 * 1_000_000_000;

    private static final String TASK = "task_struct";

    private final Tasks tasks;
    private final Findings findings;

    Times(Tasks tasks, Findings findings) {
        this.tasks = tasks;
        this.findings = findings;
    }

    void find() {
        // u64 since 3.17 (commit ccbf62d8a284).
        List<Candidate> found = Candidate.search(0, tasks.window() - 16, tasks.memory().pointerSize(), tasks.processes(),
                (task, offset) -> {
                    long monotonic = task.int64(offset);
                    // The one that counts the time in which the machine was suspended is never the smaller.
                    return monotonic > 0 && task.int64(offset + 8) >= monotonic && task.int64(offset + 8) < LONGEST_NANOS;
                });
        found.removeIf(pair -> !grows(pair.offset()) || !grows(pair.offset() + 8));
        Optional<Candidate> start = Candidate.only(found);
        if (start.isEmpty()) {
            findings.missing("start_time: " + found.size() + " pairs of times could be they");
            return;
        }
        Candidate monotonic = start.get();
        Candidate boot = new Candidate(monotonic.offset() + 8, monotonic.agreed(), monotonic.asked());
        String by = "a time that grows along the list of processes, twice in a row, the second never the smaller";
        findings.add(TASK, "start_time", monotonic, 8, "u64", by);
        // Renamed in 5.5 (commit cf25e24db61c).
        boolean renamed = tasks.memory().kernel().version().atLeast(5, 5);
        findings.add(TASK, renamed ? "start_boottime" : "real_start_time", boot, 8, "u64", by);
    }

    /** Few are out of order: two CPUs that fork at once, a thread that took its process over (exec). Most differ. */
    private boolean grows(int offset) {
        long before = tasks.init().int64(offset);
        int wrong = before < 0 || before > LONGEST_NANOS ? 1 : 0;
        int same = 0;
        for (Snapshot task : tasks.processes()) {
            long now = task.int64(offset);
            if (now < before) {
                wrong++;
            } else if (now == before) {
                same++;
            }
            before = now;
        }
        int count = tasks.processes().size();
        return wrong <= count / 20 && same <= count / 2;
    }
}
