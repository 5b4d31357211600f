// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** {@code pid} and {@code tgid}: two numbers in a row that are the same for the first task of a process. */
final class Identity {
    private static final String TASK = "task_struct";
    private static final int HIGHEST = 4 * 1024 * 1024;

    private final Tasks tasks;
    private final Findings findings;

    Identity(Tasks tasks, Findings findings) {
        this.tasks = tasks;
        this.findings = findings;
    }

    void find() {
        Snapshot first = tasks.processes().get(0);
        List<Candidate> pairs = Candidate.search(0, tasks.window() - 8, 4, tasks.processes(), (task, offset) -> {
            int number = task.int32(offset);
            return number > 0 && number <= HIGHEST && number == task.int32(offset + 4);
        });
        pairs.removeIf(pair -> tasks.init().int32(pair.offset()) != 0 || tasks.init().int32(pair.offset() + 4) != 0
                || first.int32(pair.offset()) != 1 || !allDiffer(pair.offset()));
        var pair = Candidate.only(pairs);
        if (pair.isEmpty()) {
            findings.missing("pid and tgid: " + pairs.size() + " pairs of numbers could be they");
            return;
        }
        Candidate pid = pair.get();
        findings.add(TASK, "pid", pid, 4, "pid_t", "a number of its own, 0 for init_task and 1 for the first process");
        findings.add(TASK, "tgid", new Candidate(pid.offset() + 4, pid.agreed(), pid.asked()), 4, "pid_t",
                "the same as pid for the first task of each process");
    }

    private boolean allDiffer(int offset) {
        Set<Integer> seen = new HashSet<>();
        return tasks.processes().stream().allMatch(task -> seen.add(task.int32(offset)));
    }
}
