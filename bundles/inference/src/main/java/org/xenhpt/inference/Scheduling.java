// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** {@code stack}, {@code state}, {@code exit_state}, and the run time in the task's {@code sched_entity}. */
final class Scheduling {
    private static final String TASK = "task_struct";
    private static final String TASK_POINTER = "task";
    private static final String ENTITY = "sched_entity";
    /** STACK_END_MAGIC (include/uapi/linux/magic.h). */
    private static final int END_OF_STACK = 0x57AC6E9D;
    private static final int PAGE = 4096;
    /** Before 4.9 the end of the stack is after thread_info. In bytes. */
    private static final int END_WITHIN = 256;
    private static final int SIGCHLD = 17;
    /** TASK_STATE_MAX has grown to 0x10000 in 6.x; all states are below. */
    private static final int STATES = 0x1ffff;
    private static final int INTERRUPTIBLE = 1;
    /** TASK_IDLE, since 4.2 (commit 80ed87c8a9ca). */
    private static final int IDLE = 0x402;
    /**
     * Weight of nice 0 with and without the extra resolution of 64-bit kernels, and its inverse: kernel/sched/core.c.
     */
    private static final int WEIGHT = 1024;
    private static final int RESOLUTION = 10;
    private static final int INVERSE_WEIGHT = 4194304;
    private static final int ENTITY_SIZE = 512;
    /**
     * By how much the scheduler's clock may differ from the one of start_time: it is not adjusted to the right time.
     */
    private static final long SLACK_NANOS = 200_000_000L;
    private static final int SLACK_SHARE = 1000;

    private final Tasks tasks;
    private final Findings findings;
    private final KernelMemory memory;
    private final int pointer;

    Scheduling(Tasks tasks, Findings findings) {
        this.tasks = tasks;
        this.findings = findings;
        this.memory = tasks.memory();
        this.pointer = memory.pointerSize();
    }

    void stackAndState() {
        stack();
        state();
        exitState();
    }

    private void stack() {
        List<Candidate> found = Candidate.search(0, tasks.window() - pointer, pointer, tasks.all(), (task, offset) -> {
            long stack = task.pointer(offset);
            // That of an ended task may be given back.
            return stack == 0 || (stack & PAGE - 1) == 0 && isEndOfStack(stack, task);
        });
        // init_task's own stack has no mark up to 3.17 (commit d4311ff1a8da), but leads back to init_task.
        found.removeIf(s -> !isEndOfStack(tasks.init().pointer(s.offset()), tasks.init())
                && memory.pointer(tasks.init().pointer(s.offset())) != tasks.init().gva()
                || 2 * tasks.all().stream().filter(t -> t.pointer(s.offset()) != 0).count() <= tasks.all().size());
        Candidate.only(found).ifPresentOrElse(s -> {
            // Renamed in 2.6.22 (commit f7e4217b007d).
            boolean renamed = !memory.before(2, 6, 22);
            findings.add(TASK, renamed ? "stack" : "thread_info", s, pointer,
                    renamed ? "void *" : "struct thread_info *",
                    "leads to a page that begins with the mark of a stack's end, or with the task");
            threadInfo(s.offset());
        }, () -> findings.missing("stack: " + found.size() + " members could be it"));
    }

    /** Up to 4.8 thread_info begins the stack, and the task's address begins thread_info (commit 15f4eae70d36). */
    private void threadInfo(int stack) {
        Candidate leadsBack = Candidate.ask(0, tasks.all(), t -> t.pointer(stack) == 0
                || memory.pointer(t.pointer(stack)) == t.gva());
        if (leadsBack.convinces() && memory.pointer(tasks.init().pointer(stack)) == tasks.init().gva()) {
            findings.add("thread_info", TASK_POINTER, leadsBack, pointer, "struct task_struct *",
                    "the stack that it begins leads back to the task");
        }
    }

    private boolean isEndOfStack(long stack, Snapshot task) {
        if (stack == 0 || memory.int32(stack) == END_OF_STACK) {
            return stack != 0;
        }
        if (memory.pointer(stack) != task.gva()) {
            return false;
        }
        // Up to 4.8 thread_info, which begins with the task, lies there (commit c65eacbe290b). There was no mark before
        // 2.6.27 (commit 7c9f8861e6c9), and of init_task none before 3.18 (commit d4311ff1a8da).
        if (memory.before(4, 9, 0)) {
            return true;
        }
        for (int at = pointer; at < END_WITHIN; at += 4) {
            if (memory.int32(stack + at) == END_OF_STACK) {
                return true;
            }
        }
        return false;
    }

    /** The last member before the stack that holds states: thread_info, which may be before it, has flags and a CPU. */
    private void state() {
        OptionalInt stack = findings.offset(TASK, memory.before(2, 6, 22) ? "thread_info" : "stack");
        if (stack.isEmpty()) {
            findings.missing("state: where the stack is not known, nor is what stands before it");
            return;
        }
        List<Candidate> found = new ArrayList<>();
        List<Candidate> states = Candidate.search(0, stack.getAsInt(), 4, tasks.all(), (task, offset) ->
                (task.int32(offset) & ~STATES) == 0);
        for (Candidate state : states) {
            int at = state.offset();
            Candidate asleep = Candidate.ask(at, tasks.all(), t -> t.int32(at) == INTERRUPTIBLE || t.int32(at) == IDLE);
            if (tasks.init().int32(at) == 0 && 2 * asleep.agreed() > asleep.asked()) {
                found.add(state);
            }
        }
        if (found.size() != 1) {
            findings.missing("state: " + found.size() + " numbers before the stack could be it");
            return;
        }
        // Renamed, and no longer a long, in 5.14 (commit 2f064a59a11f).
        boolean renamed = memory.kernel().version().atLeast(5, 14);
        findings.add(TASK, renamed ? "__state" : "state", found.get(0), renamed ? 4 : pointer,
                renamed ? "unsigned int" : "volatile long", "a state, before the stack; most tasks sleep");
    }

    /**
     * exit_state, exit_code and exit_signal follow each other since 2.6.0. A process's exit_signal is SIGCHLD, but for
     * very few; that of a thread that is not the first is -1.
     */
    private void exitState() {
        List<Candidate> found = new ArrayList<>();
        // init and kthreadd are begun by the kernel without one.
        OptionalInt parent = findings.offset(TASK, "real_parent");
        List<Snapshot> forked = tasks.processes().stream().filter(t -> parent.isEmpty()
                || t.pointer(parent.getAsInt()) != tasks.init().gva()).toList();
        for (int at = 8; at < tasks.window() - 4; at += 4) {
            int signal = at;
            Candidate processes = Candidate.ask(at - 8, forked, t -> t.int32(signal) == SIGCHLD
                    && isExitState(t.int32(signal - 8)));
            Candidate threads = Candidate.ask(at - 8, tasks.threads(), t -> t.int32(signal) == -1
                    && isExitState(t.int32(signal - 8)));
            if (processes.convinces() && (threads.convinces() || tasks.threads().isEmpty())
                    && tasks.init().int32(signal - 8) == 0) {
                found.add(new Candidate(at - 8, processes.agreed() + threads.agreed(), processes.asked()
                        + threads.asked()));
            }
        }
        if (found.size() != 1) {
            findings.missing("exit_state: " + found.size() + " numbers could be it");
            return;
        }
        int at = found.get(0).offset();
        String by = "0, or that of an ended task, before an exit_signal of SIGCHLD (of threads, -1)";
        // A long before 2.6.22 (commit 97dc32cdb1b5), the upper half of which is what was looked at.
        if (pointer == 8 && memory.before(2, 6, 22)) {
            findings.add(TASK, "exit_state", new Candidate(at - 4, found.get(0).agreed(), found.get(0).asked()), 8,
                    "long", by);
        } else {
            findings.add(TASK, "exit_state", found.get(0), 4, "int", by);
        }
        findings.add(TASK, "exit_code", new Candidate(at + 4, found.get(0).agreed(), found.get(0).asked()), 4, "int",
                by);
        findings.add(TASK, "exit_signal", new Candidate(at + 8, found.get(0).agreed(), found.get(0).asked()), 4, "int",
                by);
    }

    /** EXIT_ZOMBIE and EXIT_DEAD, which 3.15 exchanged (commit ad86622b478e), and both. */
    private static boolean isExitState(int state) {
        return (state & ~0x30) == 0;
    }

    /**
     * The weight of nice 0, which most tasks have, is where the sched_entity begins; the run time follows exec_start.
     */
    void runtime() {
        List<Integer> entities = new ArrayList<>();
        for (int at = 0; at + pointer + 4 < tasks.window(); at += pointer) {
            int offset = at;
            Candidate weight = Candidate.ask(at, tasks.processes(), t -> isWeight(t.pointer(offset))
                    && t.int32(offset + pointer) == INVERSE_WEIGHT);
            if (2 * weight.agreed() > weight.asked()) {
                entities.add(at);
            }
        }
        if (entities.isEmpty()) {
            ownRuntime();
            return;
        }
        if (entities.size() != 1) {
            findings.missing("sum_exec_runtime: " + entities.size() + " members have the weight of nice 0");
            return;
        }
        int se = entities.get(0);
        Optional<Candidate> runtime = first(se, this::isRuntime);
        String by = "not longer than from the task's start to exec_start, nor shorter than its earlier value after it";
        // The scheduler's clock may be far behind the one of start times, where the TSC is not trusted. Then what is
        // further on, as the averages' last update, can fit better. From 6.6 on (commit 147f3efaa241) times of another
        // kind, deadline and min_vruntime, are before exec_start.
        Optional<Candidate> byItself = first(se, this::isRuntimeByItself);
        boolean isFirst = memory.before(6, 6, 0) && byItself.isPresent() && runtime.isPresent()
                && byItself.get().offset() < runtime.get().offset();
        if (runtime.isEmpty() || isFirst) {
            runtime = byItself;
            by = "not longer than until exec_start, nor shorter than its earlier value after it";
        }
        if (runtime.isEmpty()) {
            findings.missing("sum_exec_runtime: no time could be it");
            return;
        }
        int at = runtime.get().offset() + 8 - se;
        findings.add(TASK, "se", new Candidate(se, runtime.get().agreed(), runtime.get().asked()), at + 8,
                "struct sched_entity", "begins with the weight of nice 0 for most tasks");
        findings.add(ENTITY, "exec_start", new Candidate(at - 8, runtime.get().agreed(), runtime.get().asked()), 8,
                "u64",
                "a time after the task's start");
        findings.add(ENTITY, "sum_exec_runtime", new Candidate(at, runtime.get().agreed(), runtime.get().asked()), 8,
                "u64", by);
    }

    /**
     * BFS, a scheduler of others' than the kernel's authors, has no sched_entity: a task has its own place in a queue,
     * which is empty while the task sleeps, then when it last ran, and for how long in all.
     */
    private void ownRuntime() {
        int afterNode = 2 * pointer;
        List<Candidate> found = Candidate.search(0, tasks.window() - afterNode - 16, pointer, tasks.all(),
                (task, offset) -> memory.leadsSomewhere(task.pointer(offset))
                        && isTimeAndShareOfIt(task, offset + afterNode));
        found.removeIf(c -> 2 * tasks.all().stream().filter(t ->
                t.pointer(c.offset()) == t.gva() + c.offset() && t.pointer(c.offset() + pointer) == t.gva() + c.offset())
                .count() <= tasks.all().size()
                || 2 * tasks.all().stream().map(t -> t.int64(c.offset() + afterNode + 8)).distinct().count()
                        <= tasks.all().size());
        Candidate.only(found).ifPresentOrElse(node -> findings.add(TASK, "sched_time", new Candidate(
                node.offset() + afterNode + 8, node.agreed(), node.asked()), 8, "u64",
                "not longer than from the task's start to the time before it, which follows an empty list"),
                () -> findings.missing("sum_exec_runtime: no member has the weight of nice 0, and " + found.size()
                        + " times after an empty list could be sched_time"));
    }

    /**
     * Averages further on look alike; exec_start is the first time in a sched_entity since there is one (2.6.23).
     */
    private Optional<Candidate> first(int se, Candidate.Rule<Snapshot> rule) {
        List<Candidate> found = Candidate.search(se + 2 * pointer, Math.min(se + ENTITY_SIZE, tasks.window() - 32),
                pointer, tasks.all(), rule);
        // The lower halves: on 32 bits, half a time with half the next one differs from task to task, too.
        found.removeIf(c -> 2 * tasks.all().stream().map(t ->
                t.int32(c.offset())).distinct().count() < tasks.all().size()
                // Of group_node, which is before on_rq and exec_start.
                || 2 * tasks.all().stream().filter(t -> memory.leadsSomewhere(t.pointer(c.offset()))).count()
                        > tasks.all().size());
        return found.stream().min(Comparator.comparingInt(Candidate::offset));
    }

    private static boolean isWeight(long weight) {
        return weight == WEIGHT || weight == (long) WEIGHT << RESOLUTION;
    }

    /** exec_start at the offset, sum_exec_runtime after it, and prev_sum_exec_runtime as one of the next two. */
    private boolean isRuntime(Snapshot task, int offset) {
        long sum = task.int64(offset + 8);
        return isTimeAndShareOfIt(task, offset) && sum > 0 && (isEarlier(task.int64(offset + 16), sum) || isEarlier(task.int64(offset + 24), sum));
    }

    /** A time, and after it how much of that, since the task's start, it ran. */
    private boolean isTimeAndShareOfIt(Snapshot task, int offset) {
        long at = task.int64(offset);
        long sum = task.int64(offset + 8);
        long earliest = tasks.started(task);
        long slack = SLACK_NANOS + earliest / SLACK_SHARE;
        return at > 0 && at < Times.LONGEST_NANOS && sum >= 0 && sum <= at - earliest + slack;
    }

    private boolean isRuntimeByItself(Snapshot task, int offset) {
        long at = task.int64(offset);
        long sum = task.int64(offset + 8);
        return at > 0 && at < Times.LONGEST_NANOS && sum >= 0 && sum <= at
                && (isEarlier(task.int64(offset + 16), sum) || isEarlier(task.int64(offset + 24), sum));
    }

    private static boolean isEarlier(long before, long now) {
        return before >= 0 && before <= now;
    }
}
