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
    private final CommCache cache = new CommCache();

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
        return cache.get(space, comm.address(task), comm.size());
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
        return name == 0 ? own : GuestText.read(space, name, LONGEST);
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
                name = RESCUER + GuestText.read(space, queueName.address(queue), queueName.size());
            }
        }
        if (known.pool().pointer(space, work) == 0) {
            return name;
        }
        String description = GuestText.read(space, known.description().address(work), known.description().size());
        if (description.isEmpty()) {
            return name;
        }
        String sign = known.currentWork().pointer(space, work) != 0 ? "+" : "-";
        String whole = name + sign + description;
        return whole.length() > LONGEST ? whole.substring(0, LONGEST) : whole;
    }

    /** Names read before, by their 16 bytes: most tasks of a reading were there in the one before. */
    private static final class CommCache {
        private static final int ENTRIES = 4096;

        private final long[] firsts = new long[ENTRIES];
        private final long[] seconds = new long[ENTRIES];
        private final String[] names = new String[ENTRIES];

        String get(AddressSpace space, long gva, int size) {
            if (size != 16) {
                return GuestText.read(space, gva, Math.min(size, LONGEST));
            }
            long first = space.readLong(gva);
            long second = space.readLong(gva + 8);
            long mixed = (first ^ second * 0x9e3779b97f4a7c15L) * 0x9e3779b97f4a7c15L;
            int slot = (int) (mixed >>> 52) & ENTRIES - 1;
            if (names[slot] == null || firsts[slot] != first || seconds[slot] != second) {
                byte[] bytes = new byte[16];
                int length = 0;
                for (; length < 16; length++) {
                    byte next = (byte) ((length < 8 ? first : second) >>> 8 * (length & 7));
                    if (next == 0) {
                        break;
                    }
                    bytes[length] = next;
                }
                names[slot] = GuestText.decode(bytes, length);
                firsts[slot] = first;
                seconds[slot] = second;
            }
            return names[slot];
        }
    }
}
