// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.List;
import org.xenhpt.api.kernel.KernelVersion;

/**
 * {@code pids}, the three links by which a task is on the lists of its {@code struct pid}s, before 4.19 (commit
 * 2c4704756cab); {@code thread_group} follows it. That shows the list of threads also where no process has more than
 * one thread, and all empty lists look alike.
 */
final class PidLinks {
    private static final String TASK = "task_struct";
    /** PIDTYPE_PID, PIDTYPE_PGID, PIDTYPE_SID. */
    private static final int TYPES = 3;
    /** A link is a node, with next and pprev, and a pointer to the struct pid. */
    private static final int WORDS = 3;
    /**
     * The heads of the lists are at the start of struct pid, after a few counters; before 2.6.24 after a hash chain.
     */
    private static final int HEADS_WITHIN = 160;
    private static final KernelVersion LAST = new KernelVersion(4, 19, 0);

    private final Tasks tasks;
    private final Findings findings;
    private final KernelMemory memory;
    private final int pointer;

    PidLinks(Tasks tasks, Findings findings) {
        this.tasks = tasks;
        this.findings = findings;
        this.memory = tasks.memory();
        this.pointer = memory.pointerSize();
    }

    void find() {
        if (findings.has(TASK, "thread_group") || memory.kernel().version().compareTo(LAST) >= 0) {
            return;
        }
        int size = TYPES * WORDS * pointer;
        List<Candidate> found = new ArrayList<>();
        for (Candidate links : Candidate.search(0, tasks.window() - size - 2 * pointer, pointer, tasks.processes(),
                this::areLinks)) {
            int group = links.offset() + size;
            Candidate lists = Candidate.ask(group, tasks.processes(), task -> isList(task, group));
            if (lists.convinces()) {
                found.add(lists);
            }
        }
        if (found.size() == 1) {
            findings.add(TASK, "thread_group", found.get(0), 2 * pointer, "struct list_head",
                    "a list that follows the three links to the task's struct pids");
        } else if (!findings.has("signal_struct", "thread_head")) {
            // Where that is known, nobody needs this one.
            findings.missing("thread_group: no process has two threads, and " + found.size()
                    + " lists follow links to struct pids");
        }
    }

    /** Whether each of three links is where its struct pid's list, or the node before it on that list, leads. */
    private boolean areLinks(Snapshot task, int offset) {
        for (int type = 0; type < TYPES; type++) {
            int link = offset + type * WORDS * pointer;
            long back = task.pointer(link + pointer);
            long pid = task.pointer(link + 2 * pointer);
            if (!memory.leadsSomewhere(back) || !memory.leadsSomewhere(pid)
                    || memory.pointer(back) != task.gva() + link) {
                return false;
            }
            // A thread of its own is the only one with its number; groups and sessions have more members.
            long distance = memory.distance(pid, back);
            if (type == 0 && (task.pointer(link) != 0 || distance < 0 || distance >= HEADS_WITHIN)) {
                return false;
            }
        }
        return true;
    }

    private boolean isList(Snapshot task, int at) {
        long next = task.pointer(at);
        return memory.leadsSomewhere(next) && memory.pointer(next + pointer) == task.gva() + at;
    }
}
