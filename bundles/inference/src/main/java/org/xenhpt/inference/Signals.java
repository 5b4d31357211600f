// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * {@code signal_struct}, which the threads of a process share, and the list of threads in it: its head lies in what
 * {@code signal} leads to, and the first node is {@code thread_node} of the process's first thread.
 */
final class Signals {
    private static final String TASK = "task_struct";
    private static final String SIGNAL = "signal_struct";
    /** thread_head follows a few counters. In bytes. */
    private static final int HEAD_WITHIN = 256;
    /** Lists of one node and a head elsewhere that a task is on: a handful. */
    private static final int MOST_RINGS = 32;
    private static final int MOST_DISTANCES = 8;
    private static final int MOST_THREADS = 1 << 16;
    private static final int ASKED_THREADS = 4096;
    /** How far into signal_struct the limits are looked for. In bytes. */
    private static final int SIGNAL_SIZE = 2048;
    /** RLIM_NLIMITS, each with its present value and its maximum; before RLIMIT_RTTIME, since 2.6.25, one less. */
    private static final int LIMITS = 16;
    private static final int FEWER_LIMITS = 15;
    /**
     * RLIMIT_STACK, of which INIT_RLIMITS gives init_task _STK_LIM (include/asm-generic/resource.h): 8 MiB, in Red
     * Hat's kernels 10 MiB.
     */
    private static final int STACK_LIMIT = 3;
    private static final Set<Long> STACK_BYTES = Set.of(8L << 20, 10L << 20);
    /** RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_LOCKS: of these init_task's are never set. */
    private static final int[] UNLIMITED = {0, 1, 2, 10};
    /** RLIMIT_NOFILE: never unlimited (the maximum is fs.nr_open), and no process could begin with none. */
    private static final int FILES_LIMIT = 7;
    private static final long MOST_FILES = 1 << 30;

    private final Tasks tasks;
    private final Findings findings;
    private final KernelMemory memory;
    private final int pointer;
    private final int count;
    /** How many threads each process has, by its signal_struct. */
    private final Map<Long, Integer> sizes = new HashMap<>();

    Signals(Tasks tasks, Findings findings) {
        this.tasks = tasks;
        this.findings = findings;
        this.memory = tasks.memory();
        this.pointer = memory.pointerSize();
        this.count = memory.before(2, 6, 25) ? FEWER_LIMITS : LIMITS;
    }

    /** thread_node, signal and thread_head, each found by the others. */
    private record Threads(int node, int signal, int head, int agreed) {
    }

    void find() {
        threadGroup();
        Optional<Threads> threads = threads();
        if (threads.isEmpty()) {
            // The list came with 3.14 (commit 0c740d0afc3b); Red Hat's 3.10 has it too.
            if (!memory.before(3, 14, 0)) {
                findings.missing("thread_head: no member leads to the head of a list of threads");
            }
            byLimits();
            return;
        }
        Threads found = threads.get();
        int asked = tasks.processes().size();
        int whole = 0;
        for (Snapshot leader : tasks.processes()) {
            if (collect(leader, found)) {
                whole++;
            }
        }
        findings.add(TASK, "thread_node", new Candidate(found.node, whole, asked), 2 * pointer, "struct list_head",
                "is on a whole list of threads of one tgid");
        findings.add(TASK, "signal", new Candidate(found.signal, found.agreed, asked), pointer,
                "struct signal_struct *",
                "leads to where the head of the list of threads lies");
        findings.add(SIGNAL, "thread_head", new Candidate(found.head, found.agreed, asked), 2 * pointer,
                "struct list_head", "the head of the list through thread_node of the process's first task");
        threadCount(found);
        endedRuntime(found);
    }

    /**
     * Up to 6.6 (commit 8e1f385104ac) threads are also on a list without a head, through thread_group. It is known only
     * where a process has more than one: of one thread alone, every empty list would do.
     */
    private void threadGroup() {
        var tgid = findings.offset(TASK, "tgid");
        if (tgid.isEmpty()) {
            return;
        }
        List<Candidate> found = new ArrayList<>();
        int most = 0;
        for (int at = 0; at < tasks.window() - 2 * pointer; at += pointer) {
            int further = 0;
            boolean all = true;
            for (Snapshot leader : tasks.processes()) {
                int group = groupSize(leader, at, tgid.getAsInt());
                all &= group > 0;
                further += group - 1;
                if (!all) {
                    break;
                }
            }
            if (all && further > 0 && further >= most) {
                if (further > most) {
                    found.clear();
                }
                most = further;
                found.add(new Candidate(at, tasks.processes().size(), tasks.processes().size()));
            }
        }
        if (found.size() == 1) {
            findings.add(TASK, "thread_group", found.get(0), 2 * pointer, "struct list_head",
                    "a list of tasks of one tgid, of " + most + " threads besides the first ones");
        }
    }

    /** How many tasks of one process are on the list through a member of its first task; 0 when there are others. */
    private int groupSize(Snapshot leader, int member, int tgid) {
        long head = leader.gva() + member;
        long from = head;
        long at = leader.pointer(member);
        int count = 1;
        while (at != head) {
            if (count >= MOST_THREADS || !memory.leadsSomewhere(at) || memory.pointer(at + pointer) != from
                    || memory.int32(at - member + tgid) != leader.int32(tgid)) {
                return 0;
            }
            count++;
            from = at;
            at = memory.pointer(at);
        }
        return leader.pointer(member + pointer) == from ? count : 0;
    }

    /**
     * Of a process of one thread, thread_node and the head lead to each other and nowhere else, and the head is as far
     * from where signal leads in every process.
     */
    private Optional<Threads> threads() {
        List<Snapshot> asked = tasks.processes();
        Threads best = null;
        int rings = 0;
        for (int node = 0; node < tasks.window() - 2 * pointer; node += pointer) {
            Map<Snapshot, Long> heads = new HashMap<>();
            for (Snapshot task : asked) {
                long head = task.pointer(node + pointer);
                long at = task.gva() + node;
                if (head == task.pointer(node) && !isInside(head, task) && memory.leadsSomewhere(head)
                        && memory.pointer(head) == at
                        && memory.pointer(head + pointer) == at) {
                    heads.put(task, head);
                }
            }
            if (2 * heads.size() <= asked.size() || ++rings > MOST_RINGS) {
                continue;
            }
            for (int signal = 0; signal < tasks.window() - pointer; signal += pointer) {
                if (signal == node || signal == node + pointer) {
                    continue;
                }
                Threads candidate = distances(heads, node, signal);
                // Of what leads into the same structure, signal leads to its start.
                if (candidate != null && (best == null || candidate.agreed > best.agreed
                        || candidate.agreed == best.agreed && candidate.head > best.head)) {
                    best = candidate;
                }
            }
        }
        return Optional.ofNullable(best);
    }

    /** Lists inside a task lead to each other at constant distances too. */
    private boolean isInside(long gva, Snapshot task) {
        long distance = memory.distance(task.gva(), gva);
        return distance >= 0 && distance < tasks.stride();
    }

    private Threads distances(Map<Snapshot, Long> heads, int node, int signal) {
        Map<Long, Integer> distances = new HashMap<>();
        int allowed = heads.size() / 20;
        for (Map.Entry<Snapshot, Long> entry : heads.entrySet()) {
            Snapshot task = entry.getKey();
            long distance = memory.distance(task.pointer(signal), entry.getValue());
            boolean leadsThere = distance > 0 && distance < HEAD_WITHIN && !isInside(task.pointer(signal), task);
            // What does not lead there, and what leads there from elsewhere, may be a task that just begins or ends.
            if (!leadsThere && --allowed < 0) {
                return null;
            }
            if (leadsThere) {
                distances.merge(distance, 1, Integer::sum);
                if (distances.size() > MOST_DISTANCES) {
                    return null;
                }
            }
        }
        Threads best = null;
        for (long distance : distances.keySet()) {
            Candidate all = Candidate.ask(signal, tasks.processes(),
                    task -> memory.pointer(task.pointer(signal) + distance) == task.gva() + node);
            if (all.convinces()) {
                best = new Threads(node, signal, (int) distance, all.agreed());
            }
        }
        return best;
    }

    /** Walks a process's threads; whether they are of it, and the list is whole. */
    private boolean collect(Snapshot leader, Threads found) {
        var tgid = findings.offset(TASK, "tgid");
        long head = leader.pointer(found.signal) + found.head;
        long from = head;
        long at = memory.pointer(head);
        List<Long> threads = new ArrayList<>();
        while (at != head) {
            if (threads.size() >= MOST_THREADS || !memory.leadsSomewhere(at) || memory.pointer(at + pointer) != from) {
                return false;
            }
            long task = at - found.node;
            if (tgid.isPresent() && memory.int32(task + tgid.getAsInt()) != leader.int32(tgid.getAsInt())) {
                return false;
            }
            threads.add(task);
            from = at;
            at = memory.pointer(at);
        }
        sizes.put(leader.pointer(found.signal), threads.size());
        for (long task : threads) {
            if (task != leader.gva() && tasks.threads().size() < ASKED_THREADS) {
                Snapshot thread = memory.snapshot(task, leader.length());
                if (thread.length() == leader.length()) {
                    tasks.addThread(thread);
                }
            }
        }
        return true;
    }

    /**
     * nr_threads is among the numbers before the head; where all are equal in all processes, it is not known which it
     * is.
     */
    private void threadCount(Threads found) {
        List<Long> signals = new ArrayList<>(sizes.keySet());
        List<Candidate> counts = new ArrayList<>();
        for (int offset = 0; offset < found.head; offset += 4) {
            int at = offset;
            Candidate count = Candidate.ask(at, signals, signal -> memory.int32(signal + at) == sizes.get(signal));
            if (count.convinces()) {
                counts.add(count);
            }
        }
        counts.sort((a, b) -> b.agreed() - a.agreed());
        Candidate.only(counts).ifPresentOrElse(count -> findings.add(SIGNAL, "nr_threads", count, 4, "int",
                "as many threads as the list has"), () -> findings.missing("nr_threads: " + counts.size()
                + " counters have as many threads as the list"));
    }

    /** Without the list of threads (before 3.14), the limits show which member leads to signal_struct. */
    private void byLimits() {
        List<Candidate> found = new ArrayList<>();
        int at = -1;
        for (int offset = 0; offset < tasks.window() - pointer; offset += pointer) {
            int signal = offset;
            long ofInit = tasks.init().pointer(offset);
            int limits = memory.inImage(ofInit) ? limitsIn(ofInit, 8) : -1;
            if (limits < 0) {
                continue;
            }
            Candidate own = Candidate.ask(offset, tasks.processes(), task ->
                    memory.leadsSomewhere(task.pointer(signal)) && isLimits(task.pointer(signal) + limits));
            long different = tasks.processes().stream().map(task -> task.pointer(signal)).distinct().count();
            if (own.convinces() && different == tasks.processes().size()) {
                found.add(own);
                at = limits;
            }
        }
        if (found.size() != 1) {
            findings.missing("signal: " + found.size() + " members lead to limits");
            return;
        }
        findings.add(TASK, "signal", found.get(0), pointer, "struct signal_struct *",
                "leads to limits, for each process to its own");
        tasks.processes().forEach(task -> sizes.put(task.pointer(found.get(0).offset()), 1));
        limits(at);
    }

    /** Where init_task's limits, which are known, are in its signal_struct; or -1. */
    private int limitsIn(long signal, int from) {
        Snapshot init = memory.snapshot(signal, SIGNAL_SIZE);
        long unlimited = pointer == 4 ? 0xffffffffL : -1L;
        for (int limits = from; limits + 2 * count * pointer <= init.length(); limits += pointer) {
            boolean known = STACK_BYTES.contains(init.pointer(limits + STACK_LIMIT * 2 * pointer))
                    && init.pointer(limits + (STACK_LIMIT * 2 + 1) * pointer) == unlimited;
            for (int limit : UNLIMITED) {
                known = known && init.pointer(limits + 2 * limit * pointer) == unlimited
                        && init.pointer(limits + (2 * limit + 1) * pointer) == unlimited;
            }
            if (known) {
                return limits;
            }
        }
        return -1;
    }

    private void endedRuntime(Threads found) {
        int limits = limitsIn(tasks.init().pointer(found.signal), found.head + 8);
        if (limits < 0) {
            findings.missing("sum_sched_runtime: init_task's limits are not in its signal_struct");
        } else {
            limits(limits);
        }
    }

    /** sum_sched_runtime stands just before the limits, in 2.6.26 as in 7.2. */
    private void limits(int limits) {
        Candidate ordered = Candidate.ask(limits, sizes.keySet(), signal -> isLimits(signal + limits));
        if (!ordered.convinces()) {
            findings.missing("sum_sched_runtime: of " + ordered.asked() + " processes, " + ordered.agreed()
                    + " have limits");
            return;
        }
        findings.add(SIGNAL, "rlim", ordered, 2 * count * pointer, "struct rlimit[" + count + "]",
                "pairs, none above its maximum; init_task's are as the kernel is built with");
        // In 2.6.28 alone it was not there.
        if (!memory.before(2, 6, 28) && memory.before(2, 6, 29)) {
            return;
        }
        int ended = limits - 8;
        Candidate runtime = Candidate.ask(ended, sizes.keySet(), signal -> isTime(signal + ended));
        if (runtime.convinces()) {
            // Of the same name as each task's until the fair scheduler (2.6.23).
            findings.add(SIGNAL, memory.before(2, 6, 23) ? "sched_time" : "sum_sched_runtime", runtime, 8,
                    "unsigned long long", "a time in nanoseconds before rlim");
        }
    }

    private boolean isLimits(long gva) {
        for (int i = 0; i < count; i++) {
            long now = memory.pointer(gva + 2L * i * pointer);
            long most = memory.pointer(gva + (2L * i + 1) * pointer);
            if (Long.compareUnsigned(now, most) > 0) {
                return false;
            }
        }
        long files = memory.pointer(gva + 2L * FILES_LIMIT * pointer);
        return files > 0 && files <= MOST_FILES;
    }

    private boolean isTime(long gva) {
        long nanos = memory.int32(gva) & 0xffffffffL | (long) memory.int32(gva + 4) << 32;
        return nanos >= 0 && nanos <= Times.LONGEST_NANOS;
    }
}
