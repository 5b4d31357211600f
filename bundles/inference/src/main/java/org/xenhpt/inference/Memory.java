// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

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
    /** Since 2.2; before 2.6.27 there is no flag of kernel threads. */
    private static final int PF_FORKNOEXEC = 0x40;
    /** References to a task; each of its threads' files in /proc may hold one. */
    private static final int MOST_USERS = 1 << 20;
    /** Kernel threads that any kernel has. */
    private static final String EARLY = "(ksoftirqd|events|migration|watchdog|kblockd)/\\d+|khelper|kswapd\\d+|pdflush";

    private final Tasks tasks;
    private final Findings findings;
    private final int pointer;

    Memory(Tasks tasks, Findings findings) {
        this.tasks = tasks;
        this.findings = findings;
        this.pointer = tasks.memory().pointerSize();
    }

    void find() {
        if (tasks.knowsKernelThreads()) {
            mm();
        } else {
            mmWithoutKthreadd();
        }
        if (tasks.memory().before(2, 6, 27)) {
            oldFlags();
        } else {
            flags();
        }
    }

    /**
     * Before kthreadd (2.6.22) kernel threads are children of many. Processes of programs have memory, each its own,
     * and init is one; the others are kernel threads, the first of which init has as children.
     */
    private void mmWithoutKthreadd() {
        List<Snapshot> all = tasks.processes();
        List<Candidate> found = Candidate.search(0, tasks.window() - 2 * pointer, pointer, all, (task, offset) -> {
            long mm = task.pointer(offset);
            return mm == 0 || tasks.memory().leadsSomewhere(mm) && task.pointer(offset + pointer) == mm
                    && tasks.memory().distance(task.gva(), mm) != offset;
        });
        found.removeIf(mm -> {
            List<Long> users = all.stream().map(t -> t.pointer(mm.offset())).filter(at -> at != 0).toList();
            long named = all.stream().filter(t -> tasks.name(t).matches(EARLY)).count();
            boolean none = all.stream().filter(t -> tasks.name(t).matches(EARLY))
                    .allMatch(t -> t.pointer(mm.offset()) == 0);
            return tasks.init().pointer(mm.offset()) != 0 || all.get(0).pointer(mm.offset()) == 0 || named == 0 || !none
                    || 10L * users.stream().distinct().count() < 9L * users.size();
        });
        Optional<Candidate> mm = Candidate.only(found);
        if (mm.isEmpty()) {
            findings.missing("mm: " + found.size() + " members could be it");
            return;
        }
        Set<Long> kernel = all.stream().filter(t -> t.pointer(mm.get().offset()) == 0).map(Snapshot::gva)
                .collect(Collectors.toCollection(HashSet::new));
        kernel.add(tasks.init().gva());
        tasks.kernelThreads(kernel);
        String by = "0 for init_task and the first kernel threads, else each process's own, and the same as active_mm";
        findings.add(TASK, "mm", mm.get(), pointer, "struct mm_struct *", by);
        findings.add(TASK, "active_mm", new Candidate(mm.get().offset() + pointer, mm.get().agreed(), mm.get().asked()),
                pointer, "struct mm_struct *", by);
    }

    /**
     * Before PF_KTHREAD: stack, usage and flags follow each other, and whoever has not begun a program since it was
     * forked has PF_FORKNOEXEC, as kernel threads never do. Nor do programs that go on in the background, which fork to
     * do so, so that it may be most of them; but init has begun one, and the first idle task was never forked.
     */
    private void oldFlags() {
        OptionalInt stack = findings.offset(TASK, tasks.memory().before(2, 6, 22) ? "thread_info" : "stack");
        List<Snapshot> threads = tasks.processes().stream().filter(tasks::isKernelThread).toList();
        Optional<Snapshot> first = tasks.processes().stream().filter(t -> !tasks.isKernelThread(t)).findFirst();
        // An unsigned long before 2.6.22 (commit 97dc32cdb1b5), which is aligned as such.
        int size = tasks.memory().before(2, 6, 22) ? pointer : 4;
        int usage = stack.isEmpty() ? 0 : stack.getAsInt() + pointer;
        int at = usage + Math.max(4, size);
        Candidate never = Candidate.ask(at, threads, t -> (t.int32(at) & PF_FORKNOEXEC) != 0);
        Candidate used = Candidate.ask(usage, tasks.all(), t -> t.int32(usage) > 0 && t.int32(usage) <= MOST_USERS);
        boolean begun = first.isPresent() && (first.get().int32(at) & PF_FORKNOEXEC) == 0
                && (tasks.init().int32(at) & PF_FORKNOEXEC) == 0;
        if (stack.isPresent() && 10 * never.agreed() >= 9 * never.asked() && used.convinces() && begun) {
            findings.add(TASK, "flags", never, size, size == 4 ? "unsigned int" : "unsigned long",
                    "after the stack and a counter; PF_FORKNOEXEC is set for kernel threads, and not for init");
        } else {
            findings.missing("flags: what follows the stack has not PF_FORKNOEXEC for kernel threads, or for init too");
        }
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
