// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.testkit.FakeGuest;
import org.xenhpt.testkit.FakeMemory;
import org.xenhpt.testkit.FakePageTables;
import org.xenhpt.translation.X86Translator;

/**
 * A fake kernel that keeps its tasks in a layout given as data, with all that a kernel's tasks have to do with each
 * other: lists, parents, threads, stacks, credentials, workers. What the layout does not name is noise.
 */
final class FakeKernel {
    static final long DIRECT_MAP_64 = 0xffff888000000000L;
    static final long DIRECT_MAP_32 = 0xc0000000L;
    private static final long IMAGE_64 = 0xffffffff81000000L;
    private static final long RAM = 64 << 20;
    private static final long IMAGE_GPA = 16 << 20;
    private static final long IMAGE_SIZE = 4 << 20;
    private static final long ROOT = 0x100000;
    private static final int PF_KTHREAD = 0x00200000;
    private static final int PF_WQ_WORKER = 0x20;

    private final FakeMemory memory = new FakeMemory(false, new MemoryRange(0, RAM));
    private final Map<String, Integer> at;
    private final int pointer;
    private final PagingMode paging;
    private final String release;
    private final Random noise = new Random(1);
    private final List<Long> processes = new ArrayList<>();
    private final Map<Long, List<Long>> childrenOf = new HashMap<>();
    private long free = 32 << 20;
    private long freeTask = 48 << 20;
    private long freeInImage = IMAGE_GPA + 0x100000;
    private int clock;
    /** Before 3.17: times are timespecs, thread_info lies at the end of the stack. */
    private final boolean old;
    /** Since 5.8. */
    private final boolean threadsKeepTheirFunction;
    private final long threadFunction;
    private final long init;
    private final List<Long> areas = new ArrayList<>();
    /** What a CPU's offset is added to, to have its running task; and its own offset. */
    private final long current;
    private final long ownOffset;
    private final long offsets;
    private final long wallClock;
    private long code = IMAGE_GPA + 0x10000;

    /**
     * @param at offsets by {@code struct.member}, and the sizes {@code task_struct}, {@code signal_struct}, {@code
     * cred}
     */
    FakeKernel(Map<String, Integer> at, PagingMode paging, String release) {
        this.at = at;
        this.paging = paging;
        this.release = release;
        this.old = release.matches("(2[.]6|3)[.].*");
        this.threadsKeepTheirFunction = !old && !release.matches("(4|5[.][0-7])[.].*");
        this.pointer = paging == PagingMode.LEVEL_4 ? 8 : 4;
        FakePageTables tables = new FakePageTables(memory, paging, ROOT);
        if (pointer == 8) {
            tables.map(DIRECT_MAP_64, 0, RAM, 2 << 20).map(IMAGE_64, IMAGE_GPA, IMAGE_SIZE, 2 << 20);
        } else {
            tables.map(DIRECT_MAP_32, 0, RAM, paging == PagingMode.PAE ? 2 << 20 : 4 << 20);
        }
        threadFunction = imageGva(IMAGE_GPA + 0x4000);
        init = imageGva(inImage(at.get("task_struct")));
        task(init, 0, 0, init, init, "swapper/0", inImageGva("signal_struct"), inImageGva("cred"), 0, PF_KTHREAD);
        int32(init, "task_struct.__state", 0);
        link();
        wallClock = imageGva(inImage(0x1000) + 0x100);
        if (old) {
            wallClock(wallClock);
        } else {
            timekeeper(inImageGva("timekeeper"));
        }
        current = pointer == 8 ? 0xb880 : imageGva(IMAGE_GPA + 0x200880);
        ownOffset = current + 0x100;
        offsets = imageGva(inImage(64 * pointer));
        cpus();
    }

    /** As in 3.7 to 3.16: wall_to_monotonic, offs_real, total_sleep_time, offs_boot. */
    private void wallClock(long gva) {
        word(gva, -1_700_000_001L);
        word(gva + pointer, 500_000_000);
        memory.putLong(gpa(gva) + 2L * pointer, 1_700_000_000_500_000_000L);
    }

    /** Two idle CPUs, each with its own data, and code that reads these; the first runs init_task. */
    private void cpus() {
        long begin = pointer == 8 ? 0 : imageGva(IMAGE_GPA + 0x200000);
        for (int cpu = 0; cpu < 2; cpu++) {
            long offset = allocate(0x10000, 4096) - begin & (pointer == 8 ? -1L : 0xffffffffL);
            areas.add(offset);
            word(offsets + (long) cpu * pointer, offset);
            word(perCpu(cpu, ownOffset), offset);
        }
        int now = clock;
        long idle = allocateTask();
        task(idle, 0, 0, init, idle, "swapper/1", get(init, "task_struct.signal"), get(init, "task_struct.cred"), 0,
                PF_KTHREAD);
        clock = now;
        runs(0, init);
        runs(1, idle);
        for (int i = 0; i < 300; i++) {
            readsPerCpu(current);
            if (i % 2 == 0) {
                readsPerCpu(ownOffset);
                // mov offsets(,index,8 or 4),register
                emit(pointer == 8 ? new int[] {0x48, 0x8b, 0x04, 0xc5} : new int[] {0x8b, 0x04, 0x85}, offsets);
            }
        }
    }

    /** GVA of a CPU's own copy of a variable. */
    long perCpu(int cpu, long variable) {
        long gva = areas.get(cpu) + variable;
        return pointer == 8 ? gva : gva & 0xffffffffL;
    }

    /** GVA of {@code wall_to_monotonic}, in kernels before 3.17. */
    long wallClock() {
        return wallClock;
    }

    long current() {
        return current;
    }

    long offsets() {
        return offsets;
    }

    void runs(int cpu, long task) {
        word(perCpu(cpu, current), task);
    }

    /** Code that reads a per-CPU variable: mov gs:variable,rax, or fs: and eax. */
    void readsPerCpu(long variable) {
        emit(pointer == 8 ? new int[] {0x65, 0x48, 0x8b, 0x04, 0x25} : new int[] {0x64, 0xa1}, variable);
    }

    void emit(int[] instruction, long displacement) {
        for (int b : instruction) {
            memory.putByte(code++, b);
        }
        memory.putInt(code, (int) displacement);
        code += 4;
    }

    /** As {@link #emit}, of a displacement from the instruction's end. */
    void emitRelative(int[] instruction, long target) {
        emit(instruction, target - (imageGva(code) + instruction.length + 4));
    }

    /** Takes the code away. */
    void forgetCode() {
        for (long gpa = IMAGE_GPA + 0x10000; gpa < code; gpa += 4) {
            memory.putInt(gpa, 0);
        }
        code = IMAGE_GPA + 0x10000;
    }

    /** The clock leads to a clocksource in the image; real time is 1,700,000,000.5 s ahead of the time since boot. */
    private void timekeeper(long keeper) {
        word(keeper, threadFunction);
        memory.putLong(gpa(keeper) + pointer, -1L >>> 8);
        long real = gpa(member(keeper, "timekeeper.offs_real"));
        long wall = real - 8 - pointer;
        memory.putLong(wall - pointer - 8, 1_700_000_100L);
        word(keeper + wall - gpa(keeper) - pointer, 100);
        memory.putLong(wall, -1_700_000_001L).putLong(real, 1_700_000_000_500_000_000L).putLong(real + 8, 3);
        word(keeper + wall - gpa(keeper) + 8, 500_000_000);
    }

    private long inImageGva(String struct) {
        return imageGva(inImage(at.get(struct)));
    }

    private long inImage(int size) {
        long gpa = freeInImage;
        freeInImage += size + 255 & -256;
        return gpa;
    }

    private long imageGva(long gpa) {
        return pointer == 8 ? IMAGE_64 + gpa - IMAGE_GPA : DIRECT_MAP_32 + gpa;
    }

    long gpa(long gva) {
        if (pointer == 4) {
            return gva - DIRECT_MAP_32;
        }
        return gva >= IMAGE_64 ? gva - IMAGE_64 + IMAGE_GPA : gva - DIRECT_MAP_64;
    }

    private long allocate(long size, long align) {
        free = free + align - 1 & -align;
        long gpa = free;
        free += size;
        return (pointer == 8 ? DIRECT_MAP_64 : DIRECT_MAP_32) + gpa;
    }

    /** Tasks lie side by side, as in a slab. */
    private long allocateTask() {
        long gpa = freeTask;
        freeTask += at.get("task_struct") + 63 & -64;
        return (pointer == 8 ? DIRECT_MAP_64 : DIRECT_MAP_32) + gpa;
    }

    FakeMemory memory() {
        return memory;
    }

    FakeGuest guest() {
        return new FakeGuest(memory);
    }

    AddressSpace space() {
        return new X86Translator().open(memory, paging, ROOT);
    }

    KernelIdentity identity() {
        long start = imageGva(IMAGE_GPA);
        return new KernelIdentity(release, "Linux version " + release, "", pointer == 8 ? Architecture.X86_64
                : Architecture.I386, paging, ROOT, 0, 0, start, start + IMAGE_SIZE, Map.of(), List.of());
    }

    long init() {
        return init;
    }

    List<Long> processes() {
        return processes;
    }

    void word(long gva, long value) {
        if (pointer == 8) {
            memory.putLong(gpa(gva), value);
        } else {
            memory.putInt(gpa(gva), (int) value);
        }
    }

    private void word(long base, String member, long value) {
        word(base + at.get(member), value);
    }

    private void int32(long base, String member, int value) {
        memory.putInt(gpa(base + at.get(member)), value);
    }

    long member(long base, String member) {
        return base + at.get(member);
    }

    /** A usual guest: init, kthreadd, kernel threads and workers, daemons, one of them with threads. */
    FakeKernel usual() {
        long first = process(1, init, "init", 0);
        long kthreadd = kernelThread(2, init, "kthreadd", 0);
        for (int i = 0; i < 8; i++) {
            worker(3 + i, kthreadd, "kworker/" + i / 2 + ":" + i % 2, i / 2, i % 3 == 2 ? "" : "events_" + i);
        }
        for (int i = 0; i < 10; i++) {
            kernelThread(20 + i, kthreadd, "kthread" + i, 0);
        }
        for (int i = 0; i < 10; i++) {
            process(100 + i, i > 5 ? processes.get(processes.size() - 1) : first, "daemon " + i, i % 3 == 0 ? 1000 + i
                    : 0);
        }
        long java = process(200, first, "java", 33);
        for (int i = 1; i < 4; i++) {
            thread(200 + i, java, "worker " + i);
        }
        link();
        return this;
    }

    long process(int pid, long parent, String name, int uid) {
        return leader(pid, parent, name, uid, 0);
    }

    long kernelThread(int pid, long parent, String name, int flags) {
        return leader(pid, parent, name, 0, PF_KTHREAD | flags);
    }

    private void worker(int pid, long parent, String name, int pool, String description) {
        long task = kernelThread(pid, parent, name, PF_WQ_WORKER);
        long kthread = allocate(128, 64);
        long worker = allocate(256, 64);
        long idle = allocate(64, 64);
        word(task, "task_struct.worker_private", kthread);
        if (threadsKeepTheirFunction) {
            word(kthread + at.get("kthread.data") - pointer, threadFunction);
        }
        word(kthread, "kthread.data", worker);
        // It waits: thread.sp, at task_struct's end, leads to what it keeps on its stack.
        long sp = get(task, "task_struct.stack") + 0x800;
        word(task + at.get("task_struct") - 2L * pointer, sp);
        word(sp + 5L * pointer, worker);
        word(worker, idle);
        word(worker + pointer, idle);
        word(idle, worker);
        word(idle + pointer, worker);
        word(worker, "worker.task", task);
        word(worker, "worker.pool", DIRECT_MAP_32 + (30 << 20) + pool * 1024L);
        if (pointer == 8) {
            word(worker, "worker.pool", DIRECT_MAP_64 + (30 << 20) + pool * 1024L);
        }
        memory.putString(gpa(member(worker, "worker.desc")), description);
    }

    private long leader(int pid, long parent, String name, int uid, int flags) {
        long task = allocateTask();
        long signal = allocate(at.get("signal_struct"), 64);
        long cred = allocate(at.get("cred"), 64);
        task(task, pid, pid, parent, task, name, signal, cred, uid, flags);
        // wait_chldexit.head, on which nobody waits, and curr_target.
        long waiting = signal + at.getOrDefault("signal_struct.thread_head", 0x10) + 3L * pointer;
        word(waiting, waiting);
        word(waiting + pointer, waiting);
        word(waiting + 2L * pointer, task);
        processes.add(task);
        childrenOf.computeIfAbsent(parent, p -> new ArrayList<>()).add(task);
        return task;
    }

    void thread(int tid, long leader, String name) {
        long task = allocateTask();
        long signal = get(leader, "task_struct.signal");
        int tgid = (int) get(leader, "task_struct.tgid");
        task(task, tid, tgid, get(leader, "task_struct.real_parent"), leader, name, signal,
                get(leader, "task_struct.cred"), 33, 0);
        if (at.containsKey("task_struct.thread_node")) {
            join(member(signal, "signal_struct.thread_head"), member(task, "task_struct.thread_node"));
        }
        if (at.containsKey("task_struct.thread_group")) {
            join(member(leader, "task_struct.thread_group"), member(task, "task_struct.thread_group"));
        }
        word(task, "task_struct.mm", get(leader, "task_struct.mm"));
        word(task, "task_struct.active_mm", get(leader, "task_struct.mm"));
    }

    /** Adds a node at the end of a list. */
    private void join(long head, long node) {
        long last = get(head + pointer);
        word(last, node);
        word(node, head);
        word(node + pointer, last);
        word(head + pointer, node);
    }

    private long get(long base, String member) {
        return get(member(base, member));
    }

    long get(long gva) {
        long value = memory.getLong(gpa(gva));
        return pointer == 8 ? value : value & 0xffffffffL;
    }

    private void task(long task, int pid, int tgid, long parent, long leader, String name, long signal, long cred,
            int uid,
            int flags) {
        for (int i = 0; i < at.get("task_struct"); i += 4) {
            int kind = i / 4 % 3;
            memory.putInt(gpa(task + i), kind == 0 ? 0 : kind == 1 ? 0x30303030 : noise.nextInt());
        }
        clock++;
        int32(task, "task_struct.__state", 1);
        long size = pointer == 8 ? 16384 : 8192;
        long stack = allocate(size, size);
        if (old) {
            word(stack, task);
            memory.putInt(gpa(stack) + 104, 0x57AC6E9D);
        } else {
            memory.putInt(gpa(stack), 0x57AC6E9D);
        }
        word(task, "task_struct.stack", stack);
        int32(task, "task_struct.flags", flags);
        word(task, "task_struct.se", pointer == 8 ? 1 << 20 : 1024);
        memory.putInt(gpa(task + at.get("task_struct.se") + pointer), 4194304);
        long runtime = task + at.get("task_struct.se") + at.get("sched_entity.sum_exec_runtime");
        memory.putLong(gpa(runtime - 8), clock * 1_000_000_000L + 1_500_000_000L + tgid)
                .putLong(gpa(runtime), 300_000_000L).putLong(gpa(runtime + 8), 200_000_000L);
        long mm = (flags & PF_KTHREAD) != 0 ? 0 : allocate(256, 64);
        word(task, "task_struct.mm", mm);
        word(task, "task_struct.active_mm", mm);
        int32(task, "task_struct.exit_state", 0);
        memory.putInt(gpa(member(task, "task_struct.exit_state") + 4), 0)
                .putInt(gpa(member(task, "task_struct.exit_state") + 8), pid == tgid ? 17 : -1);
        int32(task, "task_struct.pid", pid);
        int32(task, "task_struct.tgid", tgid);
        word(task, "task_struct.real_parent", parent);
        word(task, "task_struct.parent", parent);
        word(task, "task_struct.group_leader", leader);
        for (String time : List.of("task_struct.start_time", "task_struct.start_boottime")) {
            long gva = member(task, time);
            long nanos = time.endsWith("boottime") ? 7 : 0;
            if (old) {
                word(gva, pid == 0 ? 0 : clock);
                word(gva + pointer, pid == 0 ? 0 : 900_000_000 - clock * 10_000_000L + nanos);
            } else {
                memory.putLong(gpa(gva), pid == 0 ? 0 : clock * 1_000_000_000L + nanos);
            }
        }
        word(task, "task_struct.real_cred", cred);
        word(task, "task_struct.cred", cred);
        word(task, "task_struct.worker_private", 0);
        memory.putLong(gpa(member(task, "task_struct.comm")), 0).putLong(gpa(member(task, "task_struct.comm")) + 8, 0)
                .putString(gpa(member(task, "task_struct.comm")), name);
        word(task, "task_struct.signal", signal);
        if (pid != tgid) {
            return;
        }
        word(cred, 2);
        for (int i = 0; i < 8; i++) {
            memory.putInt(gpa(member(cred, "cred.uid")) + 4 * i, i % 2 == 0 ? uid : uid / 2);
        }
        long sets = member(cred, "cred.uid") + 36;
        sets = pointer == 8 ? sets + 7 & -8 : sets;
        for (int i = 1; i < 4; i++) {
            memory.putLong(gpa(sets + 8 * i), uid == 0 ? 0x1ffffffffffL : 0);
        }
        if (at.containsKey("task_struct.thread_group")) {
            ring(List.of(member(task, "task_struct.thread_group")));
        }
        if (at.containsKey("task_struct.thread_node")) {
            ring(List.of(member(signal, "signal_struct.thread_head"), member(task, "task_struct.thread_node")));
        }
        memory.putInt(gpa(signal), 1).putInt(gpa(signal) + 4, 1);
        limits(signal);
    }

    private void limits(long signal) {
        long rlim = member(signal, "signal_struct.rlim");
        for (int i = 0; i < 32; i++) {
            // RLIMIT_NOFILE (14 and 15) is never unlimited.
            long value = switch (i) {
                case 6 -> 8 << 20;
                case 8, 26, 27 -> 0;
                case 14 -> 1024;
                case 15 -> 4096;
                default -> -1L;
            };
            word(rlim + (long) i * pointer, value);
        }
        memory.putLong(gpa(member(signal, "signal_struct.sum_sched_runtime")), 12_000_000L);
    }

    /** Links the processes, and each one's children. */
    void link() {
        List<Long> nodes = new ArrayList<>();
        nodes.add(member(init, "task_struct.tasks"));
        processes.forEach(task -> nodes.add(member(task, "task_struct.tasks")));
        ring(nodes);
        List<Long> all = new ArrayList<>(processes);
        all.add(init);
        for (long task : all) {
            List<Long> children = new ArrayList<>();
            children.add(member(task, "task_struct.children"));
            childrenOf.getOrDefault(task, List.of()).forEach(child ->
                    children.add(member(child, "task_struct.sibling")));
            ring(children);
        }
        ring(List.of(member(init, "task_struct.sibling")));
    }

    private void ring(List<Long> nodes) {
        for (int i = 0; i < nodes.size(); i++) {
            long next = nodes.get((i + 1) % nodes.size());
            word(nodes.get(i), next);
            word(next + pointer, nodes.get(i));
        }
    }
}
