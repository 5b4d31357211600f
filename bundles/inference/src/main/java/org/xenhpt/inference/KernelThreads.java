// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the whole names of kernel threads are made of: {@code struct kthread}, to which a task leads, and for a worker
 * of a workqueue {@code struct worker}, to which that leads and which leads back to the task.
 */
final class KernelThreads {
    private static final String TASK = "task_struct";
    private static final String KTHREAD = "kthread";
    private static final String WORKER = "worker";
    private static final int PF_WQ_WORKER = 0x20;
    /** kworker/CPU:NUMBER, with H for the pool of high priority; kworker/uPOOL:NUMBER. */
    private static final Pattern WORKER_NAME = Pattern.compile("(kworker/\\w+:)\\d+(H?)");
    /** How newer kernels begin the comm of a rescuer, which before was its workqueue's name alone. */
    private static final String RESCUER = "kworker/R-";
    private static final int STRUCT_SIZE = 384;
    private static final int QUEUE_SIZE = 1024;
    /** A stack, THREAD_SIZE, is 16 KiB on x86-64, and 8 KiB on i386. */
    private static final long STACK_WORDS = 2048;
    /** WORKER_DESC_LEN is 24, and 32 since commit 31c89007285d; the text ends with a NUL before that. */
    private static final int DESCRIPTION = 32;
    private static final int LONGEST_NAME = 64;

    private final Tasks tasks;
    private final Findings findings;
    private final KernelMemory memory;
    private final int pointer;

    KernelThreads(Tasks tasks, Findings findings) {
        this.tasks = tasks;
        this.findings = findings;
        this.memory = tasks.memory();
        this.pointer = memory.pointerSize();
    }

    /** A worker of a workqueue: its task and its own structure. */
    private record Worker(Snapshot task, String name, Snapshot self) {
    }

    /** How one gets from a task to its worker, and from that back. */
    private record Path(int kthread, int data, int task) {
    }

    void find() {
        OptionalInt flags = findings.offset(TASK, "flags");
        // Before 4.18 (commit 6b59808bfe48) a kernel thread's whole name is its comm.
        if (flags.isEmpty() || !memory.kernel().version().atLeast(4, 18)) {
            return;
        }
        List<Snapshot> workers = tasks.processes().stream()
                .filter(t -> (t.int32(flags.getAsInt()) & PF_WQ_WORKER) != 0).toList();
        Optional<Path> found = workers.size() < 2 ? Optional.empty() : path(workers);
        if (found.isEmpty()) {
            findings.missing("kthread and worker, whole names of kernel threads: no member leads to a structure "
                    + "that leads to one that leads back to the task");
            return;
        }
        Path path = found.get();
        // worker_private since 5.17 (commit e32cf5dfbe22); before, set_child_tid serves as such.
        boolean own = memory.kernel().version().atLeast(5, 17);
        int count = workers.size();
        String by = "leads from a worker's task to its kthread, from there to its worker, and back";
        findings.add(TASK, own ? "worker_private" : "set_child_tid", new Candidate(path.kthread, count, count), pointer,
                own ? "void *" : "int *", by);
        findings.add(KTHREAD, "data", new Candidate(path.data, count, count), pointer, "void *", by);
        findings.add(WORKER, "task", new Candidate(path.task, count, count), pointer, "struct task_struct *", by);
        List<Worker> pooled = new ArrayList<>();
        List<Worker> rescuers = new ArrayList<>();
        for (Snapshot task : workers) {
            Snapshot self = worker(task, path);
            Matcher name = WORKER_NAME.matcher(tasks.name(task));
            if (name.matches()) {
                pooled.add(new Worker(task, name.group(1) + name.group(2), self));
            } else if (tasks.name(task).startsWith(RESCUER)) {
                rescuers.add(new Worker(task, tasks.name(task).substring(RESCUER.length()), self));
            }
        }
        work(pooled);
        queue(rescuers);
        fullName(path, new HashSet<>(workers));
    }

    private Snapshot worker(Snapshot task, Path path) {
        return memory.snapshot(memory.pointer(task.pointer(path.kthread) + path.data), STRUCT_SIZE);
    }

    private Optional<Path> path(List<Snapshot> workers) {
        Snapshot first = workers.get(0);
        Path found = null;
        for (int kthread = 0; kthread < tasks.window() - pointer; kthread += pointer) {
            long structure = first.pointer(kthread);
            // A worker that waits keeps its structure's address on its stack, too, to which thread.sp leads.
            if (!memory.leadsSomewhere(structure) || tasks.around(structure).isPresent()
                    || isOnStack(structure, first)) {
                continue;
            }
            for (int data = pointer; data < STRUCT_SIZE; data += pointer) {
                long worker = memory.pointer(structure + data);
                // An empty list leads to itself: signal_struct has one, wait_chldexit, with a task just after it.
                boolean empty = worker == structure + data || worker == structure + data - pointer;
                if (empty || !memory.leadsSomewhere(worker) || tasks.around(worker).isPresent()) {
                    continue;
                }
                Snapshot self = memory.snapshot(worker, STRUCT_SIZE);
                for (int task = 0; task + pointer <= self.length(); task += pointer) {
                    Path path = new Path(kthread, data, task);
                    if (self.pointer(task) == first.gva() && holds(path, workers)) {
                        if (found != null) {
                            return Optional.empty();
                        }
                        found = path;
                    }
                }
            }
        }
        return Optional.ofNullable(found);
    }

    private boolean isOnStack(long gva, Snapshot task) {
        OptionalInt stack = findings.offset(TASK, "stack");
        return stack.isPresent()
                && Long.compareUnsigned(gva - task.pointer(stack.getAsInt()), STACK_WORDS * pointer) < 0;
    }

    private boolean holds(Path path, List<Snapshot> workers) {
        Set<Long> different = new HashSet<>();
        Set<Long> functions = new HashSet<>();
        // kthread.threadfn since 5.8 (commit 52782c92ac85); a kernel with that change put back fares as one before it.
        boolean hasFunction = memory.kernel().version().atLeast(5, 8);
        return workers.stream().allMatch(task -> {
            long function = memory.pointer(task.pointer(path.kthread) + path.data - pointer);
            if (WORKER_NAME.matcher(tasks.name(task)).matches()) {
                functions.add(function);
            }
            if (hasFunction && (!memory.inImage(function) || functions.size() > 1)) {
                return false;
            }
            long worker = memory.pointer(task.pointer(path.kthread) + path.data);
            return different.add(worker) && memory.leadsSomewhere(worker)
                    && memory.pointer(worker + path.task) == task.gva();
        });
    }

    /** The pool, which workers share whose names begin alike; what the worker does; and its description. */
    private void work(List<Worker> workers) {
        if (workers.size() < 2) {
            findings.missing("worker.pool: there are too few workers");
            return;
        }
        List<Candidate> pools = Candidate.search(0, STRUCT_SIZE - pointer, pointer, workers,
                (worker, offset) -> memory.leadsSomewhere(worker.self.pointer(offset)));
        pools.removeIf(pool -> !isPool(workers, pool.offset()));
        Optional<Candidate> pool = Candidate.only(pools);
        List<Candidate> texts = new ArrayList<>();
        for (int at = 0; at < STRUCT_SIZE - DESCRIPTION; at += 4) {
            int offset = at;
            Candidate said = Candidate.ask(at, workers, worker -> isDescription(worker.self, offset));
            Candidate silent = Candidate.ask(at, workers, worker -> worker.self.int32(offset) == 0);
            // A worker that never had work has no description yet.
            if (said.agreed() > 1 && 3 * said.agreed() >= said.asked()
                    && said.agreed() + silent.agreed() == said.asked()) {
                texts.add(new Candidate(at, said.asked(), said.asked()));
            }
        }
        // A worker that waits for work is on a list of its pool, and works on nothing: three words after the list are
        // 0.
        List<Worker> idle = workers.stream().filter(worker -> isListNode(worker.self)).toList();
        int work = 2 * pointer;
        boolean nothing = !idle.isEmpty() && idle.stream().allMatch(worker -> worker.self.pointer(work) == 0
                && worker.self.pointer(work + pointer) == 0 && worker.self.pointer(work + 2 * pointer) == 0);
        List<Worker> busy = workers.stream().filter(worker -> worker.self.pointer(work) != 0).toList();
        boolean something = busy.stream().allMatch(worker -> memory.leadsSomewhere(worker.self.pointer(work))
                && worker.self.pointer(work + pointer) != 0
                && memory.leadsSomewhere(worker.self.pointer(work + 2 * pointer)));
        if (pool.isEmpty() || texts.isEmpty() || !nothing || !something) {
            findings.missing("worker.pool (" + pools.size() + " could be it), worker.desc (" + texts.size()
                    + ") or worker.current_work");
            return;
        }
        findings.add(WORKER, "pool", pool.get(), pointer, "struct worker_pool *",
                "the same for workers whose names begin alike, and for no others");
        // From within the text on it is a text too.
        findings.add(WORKER, "desc", texts.get(0), DESCRIPTION, "char[]", "the name of a workqueue, or nothing");
        findings.add(WORKER, "current_work", new Candidate(work, idle.size() + busy.size(), workers.size()), pointer,
                "struct work_struct *", "0 for workers that are on a list of idle ones, just after the list");
    }

    private boolean isPool(List<Worker> workers, int offset) {
        Map<String, Long> poolOf = new HashMap<>();
        for (Worker worker : workers) {
            Long before = poolOf.putIfAbsent(worker.name, worker.self.pointer(offset));
            if (before != null && before != worker.self.pointer(offset)) {
                return false;
            }
        }
        return poolOf.size() > 1 && new HashSet<>(poolOf.values()).size() == poolOf.size();
    }

    private static boolean isDescription(Snapshot worker, int offset) {
        String text = worker.text(offset, DESCRIPTION);
        return text.length() > 1 && text.length() < DESCRIPTION && text.chars().allMatch(c -> c > ' ' && c <= '~');
    }

    private boolean isListNode(Snapshot worker) {
        long next = worker.pointer(0);
        return memory.leadsSomewhere(next) && next != worker.gva() && memory.pointer(next + pointer) == worker.gva();
    }

    /** A rescuer leads to its workqueue, whose name its own is made of. */
    private void queue(List<Worker> rescuers) {
        if (rescuers.size() < 2) {
            return;
        }
        for (int queue = 0; queue < STRUCT_SIZE - pointer; queue += pointer) {
            Snapshot first = memory.snapshot(rescuers.get(0).self.pointer(queue), QUEUE_SIZE);
            for (int name = 0; name < first.length() - LONGEST_NAME; name += 4) {
                if (!isNameOf(first.text(name, DESCRIPTION), rescuers.get(0).name)) {
                    continue;
                }
                int at = queue;
                int text = name;
                Candidate named = Candidate.ask(queue, rescuers, rescuer -> isNameOf(memory.snapshot(
                        rescuer.self.pointer(at) + text, DESCRIPTION).text(0, DESCRIPTION), rescuer.name));
                if (named.convinces()) {
                    String by = "a rescuer leads to its workqueue, whose name begins as its own ends";
                    findings.add(WORKER, "rescue_wq", named, pointer, "struct workqueue_struct *", by);
                    findings.add("workqueue_struct", "name", new Candidate(name, named.agreed(), named.asked()),
                            DESCRIPTION, "char[]", by);
                    return;
                }
            }
        }
        findings.missing("worker.rescue_wq: no member of a rescuer leads to its workqueue's name");
    }

    /** Whether a task can have been given this name, of which a comm has room for the first 15 bytes. */
    private static boolean isNameOf(String whole, String cut) {
        return !cut.isEmpty() && whole.startsWith(cut);
    }

    /** Since 5.17 (commit d6986ce24fc0) a kthread keeps a name that comm is too short for. */
    private void fullName(Path path, Set<Snapshot> workers) {
        List<Snapshot> cut = new ArrayList<>();
        List<Snapshot> whole = new ArrayList<>();
        for (Snapshot task : tasks.processes()) {
            if (tasks.isKernelThread(task) && !workers.contains(task)
                    && memory.leadsSomewhere(task.pointer(path.kthread))) {
                (tasks.name(task).length() == Snapshot.NAME_LENGTH - 1 ? cut : whole).add(task);
            }
        }
        List<Candidate> found = new ArrayList<>();
        for (int at = 0; at < STRUCT_SIZE; at += pointer) {
            int offset = at;
            Candidate longer = Candidate.ask(at, cut, task -> {
                String text = fullName(task, path, offset);
                return text.length() >= Snapshot.NAME_LENGTH && text.startsWith(tasks.name(task));
            });
            Candidate none = Candidate.ask(at, whole, task ->
                    memory.pointer(task.pointer(path.kthread) + offset) == 0
                            || fullName(task, path, offset).equals(tasks.name(task)));
            if (longer.agreed() > 0 && none.convinces()) {
                found.add(new Candidate(at, longer.agreed() + none.agreed(), longer.asked() + none.asked()));
            }
        }
        if (found.size() == 1) {
            findings.add(KTHREAD, "full_name", found.get(0), pointer, "char *",
                    "the name, or 0, where comm has room for it, else a longer name that begins like it");
        } else if (!cut.isEmpty() && memory.kernel().version().atLeast(5, 17)) {
            findings.missing("kthread.full_name: " + found.size() + " could be it");
        }
    }

    private String fullName(Snapshot task, Path path, int offset) {
        long name = memory.pointer(task.pointer(path.kthread) + offset);
        return name == 0 ? "" : memory.snapshot(name, LONGEST_NAME).text(0, LONGEST_NAME);
    }
}
