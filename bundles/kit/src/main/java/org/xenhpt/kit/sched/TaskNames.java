// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit.sched;

import java.util.List;
import java.util.Optional;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.kernel.KernelVersion;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.kit.Field;
import org.xenhpt.kit.Layouts;

/**
 * A task's name as the guest's own ps shows it (proc_task_name in fs/proc/array.c): {@code comm}, but
 * <ul>
 * <li>a worker of a workqueue with what it works on, {@code kworker/0:1-events}, since 4.18 (commit 6b59808bfe48);
 * <li>a rescuer of a workqueue with the queue's whole name, since 6.11 (commit 2a1b02bcba78);
 * <li>any other kernel thread with its whole name, longer than {@code comm}'s 15 bytes, since 5.17 (commit d6986ce24fc0).
 * </ul>
 * What the profile lacks for these falls back to {@code comm}.
 */
final class TaskNames {
    private static final int PF_WQ_WORKER = 0x20;
    /** proc_task_name's buffer, and a bound for full_name, which the kernel makes as long as it is asked to. */
    private static final int LONGEST = 63;
    private static final String RESCUER = "kworker/R-";

    private final AddressSpace space;
    private final Field comm;
    private final Optional<Worker> worker;
    private final Optional<Thread> thread;
    private final TextCache texts = new TextCache();
    private final WorkerNames workerNames = new WorkerNames();

    /** How to get from a task to its kthread and what it keeps there. */
    private record Thread(Field ofTask, Optional<Field> fullName) {
    }

    private record Worker(Field ofTask, Field data, Field pool, Field description, Field currentWork,
            Optional<Field> rescued, Optional<Field> queueName) {
    }

    TaskNames(Layouts layouts, AddressSpace space, KernelVersion version) {
        this.space = space;
        this.comm = layouts.get("task_struct", "comm");
        // worker_private since 5.17 (commit e32cf5dfbe22), set_child_tid from 4.10 on (commit 1da5c46fa965).
        Optional<Field> kthread = layouts.find("task_struct", "worker_private")
                .or(() -> layouts.find("task_struct", "set_child_tid"));
        this.thread = kthread.map(field -> new Thread(field, layouts.find("kthread", "full_name")));
        this.worker = version.atLeast(4, 18) ? kthread.flatMap(field -> worker(layouts, field, version.atLeast(6, 11))) : Optional.empty();
    }

    private static Optional<Worker> worker(Layouts layouts, Field kthread, boolean namesQueue) {
        return layouts.find("kthread", "data").flatMap(data ->
                layouts.find("worker", "pool").flatMap(pool ->
                layouts.find("worker", "desc").flatMap(description ->
                layouts.find("worker", "current_work").map(work -> new Worker(kthread, data, pool, description, work,
                        namesQueue ? layouts.find("worker", "rescue_wq") : Optional.empty(),
                        layouts.find("workqueue_struct", "name"))))));
    }

    static List<String> needs() {
        return List.of("task_struct.comm", "task_struct.worker_private", "task_struct.set_child_tid", "kthread.data",
                "kthread.full_name", "worker.pool", "worker.desc", "worker.current_work", "worker.rescue_wq",
                "workqueue_struct.name");
    }

    /** The name as the task itself has it. */
    String comm(long task) {
        return texts.get(space, comm.address(task), Math.min(comm.size(), LONGEST));
    }

    /** @param flags the task's flags */
    String of(long task, int flags, boolean kernelThread) {
        String own = comm(task);
        if (!kernelThread) {
            return own;
        }
        try {
            if ((flags & PF_WQ_WORKER) != 0) {
                return worker.isPresent() ? workerName(worker.get(), task, own) : own;
            }
            return thread.isPresent() ? threadName(thread.get(), task, own) : own;
        } catch (MemoryFault fault) {
            // A thread that is just being made or ends has no kthread: ps then shows comm too.
            return own;
        }
    }

    private String threadName(Thread known, long task, String own) {
        // Only a name that did not fit into comm is kept elsewhere too.
        if (known.fullName().isEmpty() || own.length() < comm.size() - 1) {
            return own;
        }
        long kthread = known.ofTask().pointer(space, task);
        long name = kthread == 0 ? 0 : known.fullName().get().pointer(space, kthread);
        return name == 0 ? own : texts.get(space, name, LONGEST);
    }

    private String workerName(Worker known, long task, String own) {
        long kthread = known.ofTask().pointer(space, task);
        if (kthread == 0) {
            return own;
        }
        long work = known.data().pointer(space, kthread);
        String name = own;
        if (own.startsWith(RESCUER) && known.rescued().isPresent() && known.queueName().isPresent()) {
            long queue = known.rescued().get().pointer(space, work);
            if (queue != 0) {
                Field queueName = known.queueName().get();
                name = RESCUER + text(queueName, queue);
            }
        }
        if (known.pool().pointer(space, work) == 0) {
            return name;
        }
        String description = text(known.description(), work);
        if (description.isEmpty()) {
            return name;
        }
        return workerNames.get(name, known.currentWork().pointer(space, work) != 0 ? '+' : '-', description);
    }

    private String text(Field field, long base) {
        return texts.get(space, field.address(base), Math.min(field.size(), LONGEST));
    }

    /** Names put together before: a worker's name and its work are mostly those of the reading before. */
    private static final class WorkerNames {
        private static final int ENTRIES = 256;

        private final String[] names = new String[ENTRIES];
        private final String[] descriptions = new String[ENTRIES];
        private final String[] wholes = new String[ENTRIES];

        String get(String name, char sign, String description) {
            int slot = (name.hashCode() * 31 + description.hashCode() + sign) * 0x9e3779b1 >>> 24;
            String whole = wholes[slot];
            // The parts come from a cache too, so that the same text mostly is the same object.
            if (whole == null || names[slot] != name || descriptions[slot] != description
                    || whole.charAt(Math.min(name.length(), whole.length() - 1)) != sign) {
                whole = name + sign + description;
                whole = whole.length() > LONGEST ? whole.substring(0, LONGEST) : whole;
                names[slot] = name;
                descriptions[slot] = description;
                wholes[slot] = whole;
            }
            return whole;
        }
    }
}
