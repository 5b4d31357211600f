// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.ToLongFunction;

/**
 * The tasks that are asked where their members are: {@code init_task}, the processes of the list in its order (of a
 * very long one, a part), and further threads once they are known.
 */
final class Tasks {
    private final KernelMemory memory;
    private final Snapshot init;
    private final List<Snapshot> processes;
    private final Set<Long> known;
    private final int name;
    private final int list;
    private final int count;
    private final long stride;
    private final int window;
    private final List<Snapshot> threads = new ArrayList<>();
    private final TreeMap<Long, Snapshot> byAddress = new TreeMap<>(Long::compareUnsigned);
    private Set<Long> kernelThreads = Set.of();
    private ToLongFunction<Snapshot> started = task -> 0;

    /**
     * @param processes snapshots of processes other than init_task
     * @param all       GVAs of all processes
     * @param name      offset of {@code comm}
     * @param list      offset of {@code tasks}
     */
    Tasks(KernelMemory memory, Snapshot init, List<Snapshot> processes, List<Long> all, int name, int list) {
        this.memory = memory;
        this.init = init;
        this.processes = List.copyOf(processes);
        this.known = new HashSet<>(all);
        this.count = all.size();
        this.name = name;
        this.list = list;
        this.stride = stride(all);
        int least = (int) Math.min(init.length(), stride);
        for (Snapshot task : processes) {
            least = Math.min(least, task.length());
        }
        this.window = least & -8;
        processes.forEach(task -> byAddress.put(task.gva(), task));
        byAddress.put(init.gva(), init);
    }

    KernelMemory memory() {
        return memory;
    }

    Snapshot init() {
        return init;
    }

    /** Processes other than init_task, in the order of the list, which is that of their making. */
    List<Snapshot> processes() {
        return processes;
    }

    /** How many processes the guest has, also those that are not asked. */
    int count() {
        return count;
    }

    /** Threads that are not the first of their process. */
    List<Snapshot> threads() {
        return threads;
    }

    void addThread(Snapshot thread) {
        threads.add(thread);
        known.add(thread.gva());
        byAddress.put(thread.gva(), thread);
    }

    /** Processes and threads, without init_task. */
    List<Snapshot> all() {
        List<Snapshot> all = new ArrayList<>(processes);
        all.addAll(threads);
        return all;
    }

    /** Whether there is a task at a GVA. */
    boolean isTask(long gva) {
        return gva == init.gva() || known.contains(gva);
    }

    /** The asked task that a GVA is inside. */
    Optional<Snapshot> around(long gva) {
        Map.Entry<Long, Snapshot> before = byAddress.floorEntry(gva);
        return before != null && gva - before.getKey() < window() ? Optional.of(before.getValue()) : Optional.empty();
    }

    Snapshot at(long gva) {
        return byAddress.get(gva);
    }

    int nameOffset() {
        return name;
    }

    int listOffset() {
        return list;
    }

    String name(Snapshot task) {
        return task.text(name, Snapshot.NAME_LENGTH);
    }

    private static long stride(List<Long> all) {
        List<Long> sorted = new ArrayList<>(all);
        sorted.sort(Long::compareUnsigned);
        long least = Long.MAX_VALUE;
        for (int i = 1; i < sorted.size(); i++) {
            least = Math.min(least, sorted.get(i) - sorted.get(i - 1));
        }
        return least;
    }

    /** The least distance between two tasks, in bytes: no task is longer, and tasks lie side by side in their slabs. */
    long stride() {
        return stride;
    }

    /** How many bytes of every task could be read and are its own: where members are looked for. */
    int window() {
        return window;
    }

    void started(ToLongFunction<Snapshot> when) {
        started = when;
    }

    /** When a task was started, in nanoseconds of the time since boot; 0 where that is not known. */
    long started(Snapshot task) {
        return started.applyAsLong(task);
    }

    void kernelThreads(Set<Long> tasks) {
        kernelThreads = tasks;
    }

    /** Whether it is known who is a kernel thread. */
    boolean knowsKernelThreads() {
        return !kernelThreads.isEmpty();
    }

    /** Whether a task is the idle task, kthreadd, or a descendant of kthreadd. */
    boolean isKernelThread(Snapshot task) {
        return kernelThreads.contains(task.gva());
    }
}
