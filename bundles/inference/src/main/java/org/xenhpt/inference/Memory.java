// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.List;
import java.util.Optional;

/**
 * {@code mm} and {@code active_mm}, which kernel threads have not; and {@code flags}, which says that they are such.
 */
final class Memory {
    private static final String TASK = "task_struct";
    /**
     * The values of these flags have not changed since 2.6.27 (include/linux/sched.h), and /proc/PID/stat shows them.
     */
    private static final int PF_KTHREAD = 0x00200000;
    private static final int PF_WQ_WORKER = 0x20;
    /** comm of workers of workqueues. */
    private static final String WORKER = "kworker/";
    private static final int AFTER_STACK = 32;

    private final Tasks tasks;
    private final Findings findings;
    private final int pointer;

    Memory(Tasks tasks, Findings findings) {
        this.tasks = tasks;
        this.findings = findings;
        this.pointer = tasks.memory().pointerSize();
    }

    void find() {
        mm();
        flags();
    }

    private void mm() {
        List<Snapshot> users = tasks.processes().stream().filter(t -> !tasks.isKernelThread(t)).toList();
        List<Candidate> found =
                Candidate.search(0, tasks.window() - 2 * pointer, pointer, tasks.processes(), (task, offset) -> {
            long mm = task.pointer(offset);
            // An ended process has none left.
            return tasks.isKernelThread(task) ? mm == 0
                    : mm == 0 || tasks.memory().leadsSomewhere(mm) && task.pointer(offset + pointer) == mm;
        });
        found.removeIf(mm -> tasks.init().pointer(mm.offset()) != 0 || users.isEmpty()
                || 2 * users.stream().filter(t -> t.pointer(mm.offset()) != 0).count() <= users.size());
        Optional<Candidate> mm = Candidate.only(found);
        if (mm.isEmpty()) {
            findings.missing("mm: " + found.size() + " members could be it");
            return;
        }
        findings.add(TASK, "mm", mm.get(), pointer, "struct mm_struct *",
                "0 for kernel threads alone, else the same as active_mm");
        findings.add(TASK, "active_mm", new Candidate(mm.get().offset() + pointer, mm.get().agreed(), mm.get().asked()),
                pointer, "struct mm_struct *", "the same as mm for who has one");
    }

    private void flags() {
        List<Candidate> found = Candidate.search(0, tasks.window() - 4, 4, tasks.processes(),
                (task, offset) -> (task.int32(offset) & PF_KTHREAD) != 0 == tasks.isKernelThread(task)
                        && ((task.int32(offset) & PF_WQ_WORKER) != 0 || !tasks.name(task).startsWith(WORKER)));
        found.removeIf(flags -> (tasks.init().int32(flags.offset()) & PF_KTHREAD) == 0);
        // Of several, the one that follows the stack: stack, usage, flags is their order since 2.6.17.
        int stack = findings.offset(TASK, "stack").orElse(Integer.MAX_VALUE);
        Optional<Candidate> flags = Candidate.only(found).or(() -> found.stream()
                .filter(f -> f.offset() > stack && f.offset() <= stack + AFTER_STACK).findFirst());
        if (flags.isPresent()) {
            findings.add(TASK, "flags", flags.get(), 4, "unsigned int",
                    "PF_KTHREAD is set for the descendants of kthreadd alone, PF_WQ_WORKER for kworkers");
        } else {
            findings.missing("flags: " + found.size() + " numbers could be they");
        }
    }
}
