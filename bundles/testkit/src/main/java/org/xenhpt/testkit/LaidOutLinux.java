// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.testkit;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.kernel.KernelVersion;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.StructLayout;
import org.xenhpt.api.translation.PagingMode;

/**
 * A fake guest that keeps its tasks where the profile of a real kernel build says that this kernel does: its memory holds
 * what is needed to identify the kernel, to list its tasks and to find the running ones, and no more. Without KASLR, with two
 * CPUs. For kernels up to 4.8, whose stacks begin with {@code thread_info}, and for later ones.
 *
 * <p>What the profile does not have is not written, so that a test sees what a decoder makes of its absence.
 */
public final class LaidOutLinux {
    /** CPUs of the guest. */
    public static final int CPUS = 2;
    /** When the guest booted, in seconds since 1970 UTC, for kernels up to 3.3. */
    public static final long BOOTED = 1_353_400_000L;
    private static final long KERNEL_MAP = 0xffffffff80000000L;
    private static final long DIRECT_MAP = 0xffff880000000000L;
    private static final long PAGE_OFFSET_32 = 0xc0000000L;
    private static final int PAGE = 4096;
    private static final long LARGE = 2 << 20;
    private static final long RAM = 64 << 20;
    private static final long TABLES = 40 << 20;
    private static final long HEAP = 48 << 20;
    private static final int PER_CPU_SIZE = 192 << 10;
    private static final int IRQ_STACK = 16 << 10;
    private static final int PF_KTHREAD = 0x00200000;
    private static final int END_OF_STACK = 0x57AC6E9D;
    private static final int UTS_FIELD = 65;
    private static final long NANOS = 1_000_000_000L;

    private final Profile profile;
    private final Architecture architecture;
    private final KernelVersion version;
    private final int pointer;
    private final int stackSize;
    private final FakeMemory memory;
    private final PagingMode paging;
    private final long imageStart;
    private final long root;
    private final long initTask;
    private final List<Long> processes = new ArrayList<>();
    private final long[] areas = new long[CPUS];
    private final long[] bases = new long[CPUS];
    private long free = HEAP;

    /**
     * @param profile   of a kernel without KASLR. Beside what a decoder needs: {@code _text}, the image's first byte, and
     *                  {@code init_level4_pgt} where the guest is to be identified; {@code linux_banner} and
     *                  {@code init_uts_ns} likewise
     * @param stackSize THREAD_SIZE of that kernel, in bytes
     * @param live      whether the guest claims to run
     */
    public LaidOutLinux(Profile profile, int stackSize, boolean live) {
        this.profile = profile;
        this.architecture = profile.kernel().architecture();
        this.version = KernelVersion.of(profile.kernel().release());
        this.pointer = architecture.pointerSize();
        this.stackSize = stackSize;
        this.memory = new FakeMemory(live, new MemoryRange(0, RAM));
        this.paging = pointer == 8 ? PagingMode.LEVEL_4 : PagingMode.PAE;
        this.initTask = symbol("init_task");
        this.imageStart = find("_text").orElseGet(() -> profile.symbols().values().stream()
                .filter(gva -> Long.compareUnsigned(gva, architecture.lowestImageAddress()) >= 0)
                .min(Long::compareUnsigned).orElseThrow()) & -LARGE;
        this.root = gpa(find("init_level4_pgt").orElse(directMap(TABLES)));
        mapMemory();
        describe();
        setClock();
        makeCpus();
        makeInitTask();
    }

    private void mapMemory() {
        FakePageTables tables = new FakePageTables(memory, paging, root, TABLES + PAGE);
        if (pointer == 8) {
            tables.map(DIRECT_MAP, 0, RAM, LARGE).map(imageStart, gpa(imageStart), imageEnd() - imageStart, LARGE);
        } else {
            tables.map(PAGE_OFFSET_32, 0, RAM, LARGE);
        }
    }

    private long imageEnd() {
        long last = profile.symbols().values().stream().filter(gva -> Long.compareUnsigned(gva, imageStart) >= 0)
                .max(Long::compareUnsigned).orElseThrow();
        return (last + stackSize & -LARGE) + LARGE;
    }

    /** The banner and init_uts_ns, by which a kernel is identified. */
    private void describe() {
        String banner = profile.kernel().banner();
        find("linux_banner").ifPresent(gva -> memory.putString(gpa(gva), banner + "\n"));
        int build = banner.indexOf('#');
        // Ubuntu writes its package's version behind uname -v.
        String uname = banner.substring(build < 0 ? banner.length() : build).replaceFirst(" \\(Ubuntu [^)]*\\)$", "");
        String[] fields = {"Linux", "guest", profile.kernel().release(), uname,
                pointer == 8 ? "x86_64" : "i686", "(none)"};
        find("init_uts_ns").ifPresent(gva -> {
            memory.putInt(gpa(gva), 2);
            for (int i = 0; i < fields.length; i++) {
                memory.putString(gpa(gva) + 4 + i * UTS_FIELD, fields[i]);
            }
        });
    }

    private void setClock() {
        find("wall_to_monotonic").ifPresent(gva -> {
            putPointer(gva, -BOOTED - 1);
            putPointer(gva + pointer, NANOS);
        });
    }

    private void makeCpus() {
        long online = find("__cpu_online_mask", "cpu_online_bits", "cpu_online_map").orElseThrow();
        memory.putLong(gpa(online), (1 << CPUS) - 1);
        // Up to 2.6.29, and on i386, per-CPU symbols are addresses of the image's own copy of them.
        long linkedAt = find("current_task", "per_cpu__current_task", "per_cpu__init_tss")
                .filter(gva -> Long.compareUnsigned(gva, architecture.lowestImageAddress()) >= 0)
                .map(gva -> Math.min(gva, find("init_tss", "per_cpu__init_tss").orElse(gva)) & -PAGE).orElse(0L);
        Optional<Long> pdas = find("_cpu_pda");
        for (int cpu = 0; cpu < CPUS; cpu++) {
            areas[cpu] = gva(directMap(allocate(PER_CPU_SIZE, PAGE)) - linkedAt);
            bases[cpu] = areas[cpu];
            long slot = (long) cpu * pointer;
            if (pdas.isPresent()) {
                long pda = directMap(allocate(PAGE, PAGE));
                bases[cpu] = pda;
                put(pda, "x8664_pda", "cpunumber", cpu);
                put(pda, "x8664_pda", "data_offset", areas[cpu]);
                putPointer(pdas.get() + slot, pda);
            } else {
                putPointer(symbol("__per_cpu_offset") + slot, areas[cpu]);
            }
            long irqStack = directMap(allocate(IRQ_STACK, PAGE));
            int number = cpu;
            find("irq_stack_ptr", "per_cpu__irq_stack_ptr")
                    .ifPresent(gva -> putPointer(perCpu(number, gva), irqStack + IRQ_STACK - 64));
        }
    }

    private void makeInitTask() {
        long stack = find("init_thread_union").orElseGet(this::newStack);
        writeTask(initTask, 0, 0, initTask, version.atLeast(2, 6, 29) ? "swapper/0" : "swapper", PF_KTHREAD, stack, 0,
                directMap(allocate(PAGE, 64)));
        link();
        for (int cpu = 0; cpu < CPUS; cpu++) {
            run(cpu, initTask);
        }
    }

    public FakeMemory memory() {
        return memory;
    }

    /** The guest, with these registers. */
    public FakeGuest guest(List<VcpuRegisters> registers) {
        return new FakeGuest(memory, registers, Optional.empty());
    }

    /** The kernel, identified and with its profile. */
    public Kernel kernel() {
        return new Kernel(new KernelIdentity(profile.kernel().release(), profile.kernel().banner(), "", architecture, paging,
                root, 0, 0, imageStart, imageEnd(), Map.of(), List.of()), profile);
    }

    /** The kernel's own address space, by the page tables that are in its memory. */
    public WalkedSpace space() {
        return new WalkedSpace(memory, paging, root);
    }

    /** GVA of {@code init_task}. */
    public long initTask() {
        return initTask;
    }

    /**
     * Adds a process of one thread at the end of the list, with a stack of its own.
     *
     * @param parent GVA of the parent's task
     * @return GVA of its task
     */
    public long process(int pid, long parent, int uid, String name) {
        return process(pid, parent, uid, name, 0);
    }

    /** Adds a kernel thread. */
    public long kernelThread(int pid, long parent, String name) {
        return process(pid, parent, 0, name, version.atLeast(2, 6, 27) ? PF_KTHREAD : 0);
    }

    private long process(int pid, long parent, int uid, String name, int flags) {
        long task = directMap(allocate(structure("task_struct").size(), 64));
        long mm = flags == 0 && parent != initTask || pid == 1 ? directMap(allocate(PAGE, PAGE)) : 0;
        writeTask(task, pid, pid, parent, name, flags, newStack(), uid, directMap(allocate(PAGE, 64)));
        put(task, "task_struct", "mm", mm);
        processes.add(task);
        link();
        return task;
    }

    /** Adds a thread to a process. */
    public long thread(int tid, long leader, String name) {
        long task = directMap(allocate(structure("task_struct").size(), 64));
        long signal = get(leader, "task_struct", "signal");
        writeTask(task, tid, (int) get(leader, "task_struct", "tgid"), get(leader, "task_struct", parentMember()), name, 0,
                newStack(), 0, signal);
        member("task_struct", "real_cred").ifPresent(cred -> putPointer(task + cred.offset(),
                get(leader, "task_struct", "real_cred")));
        put(task, "task_struct", "mm", get(leader, "task_struct", "mm"));
        Optional<Member> head = member("signal_struct", "thread_head");
        head.ifPresent(found -> insert(signal + found.offset(), address(task, "thread_node")));
        member("task_struct", "thread_group").ifPresent(found -> insert(leader + found.offset(), task + found.offset()));
        put(signal, "signal_struct", "nr_threads", get(signal, "signal_struct", "nr_threads") + 1);
        return task;
    }

    private String parentMember() {
        return member("task_struct", "real_parent").isPresent() ? "real_parent" : "parent";
    }

    /** Makes a task the running one of a CPU. */
    public void run(int cpu, long task) {
        long top = stackOf(task) + stackSize;
        find("current_task", "per_cpu__current_task").ifPresent(gva -> putPointer(perCpu(cpu, gva), task));
        find("kernel_stack", "per_cpu__kernel_stack").ifPresent(gva -> putPointer(perCpu(cpu, gva), top - 5L * pointer));
        find("cpu_current_top_of_stack").ifPresent(gva -> putPointer(perCpu(cpu, gva), top));
        if (find("_cpu_pda").isPresent()) {
            put(bases[cpu], "x8664_pda", "pcurrent", task);
            put(bases[cpu], "x8664_pda", "kernelstack", top - 5L * pointer);
        }
        tss(cpu).ifPresent(tss -> putPointer(tss + 4, pointer == 8 ? top : top - 8));
    }

    /** GVA of a CPU's TSS. */
    public Optional<Long> tss(int cpu) {
        return find("init_tss", "per_cpu__init_tss", "cpu_tss", "cpu_tss_rw").map(gva -> perCpu(cpu, gva));
    }

    /** GVA of the bottom of a task's kernel stack. */
    public long stackOf(long task) {
        return get(task, "task_struct", profile.member("task_struct", "stack").isPresent() ? "stack" : "thread_info");
    }

    /** GVA of the top word of a CPU's interrupt stack, on x86-64. */
    public long irqStackTop(int cpu) {
        return pointerAt(perCpu(cpu, find("irq_stack_ptr", "per_cpu__irq_stack_ptr").orElseThrow()));
    }

    /**
     * What a vCPU's registers are while it runs the CPU's task.
     *
     * @param rsp  GVA
     * @param user whether it is in user mode
     */
    public VcpuRegisters registers(int cpu, long rsp, boolean user) {
        Map<Register, Long> values = new EnumMap<>(Register.class);
        values.put(Register.RSP, rsp);
        values.put(Register.CS, pointer == 8 ? user ? 0x33L : 0x10L : user ? 0x73L : 0x60L);
        if (pointer == 8) {
            values.put(user ? Register.KERNEL_GS_BASE : Register.GS_BASE, bases[cpu]);
            values.put(user ? Register.GS_BASE : Register.KERNEL_GS_BASE, 0L);
        } else {
            values.put(Register.FS_BASE, user ? 0L : bases[cpu]);
        }
        tss(cpu).ifPresent(tss -> values.put(Register.TR_BASE, tss));
        values.put(Register.CR3, root);
        return new VcpuRegisters(cpu, values);
    }

    /** Writes a member of a task by hand. */
    public void put(long task, String member, long value) {
        put(task, "task_struct", member, value);
    }

    /** Writes a pointer at a GVA by hand. */
    public void putPointer(long gva, long value) {
        if (pointer == 8) {
            memory.putLong(gpa(gva), value);
        } else {
            memory.putInt(gpa(gva), (int) value);
        }
    }

    /** The GPA behind a GVA of the image or of the direct map. */
    public long gpa(long gva) {
        if (pointer == 4) {
            return gva - PAGE_OFFSET_32;
        }
        return Long.compareUnsigned(gva, KERNEL_MAP) >= 0 ? gva - KERNEL_MAP : gva - DIRECT_MAP;
    }

    private long directMap(long gpa) {
        return gpa + (pointer == 8 ? DIRECT_MAP : PAGE_OFFSET_32);
    }

    private long gva(long address) {
        return pointer == 4 ? address & 0xffffffffL : address;
    }

    private long perCpu(int cpu, long symbol) {
        return gva(areas[cpu] + symbol);
    }

    private long newStack() {
        return directMap(allocate(stackSize, stackSize));
    }

    private void writeTask(long task, int pid, int tgid, long parent, String name, int flags, long stack, int uid,
            long signal) {
        put(task, "task_struct", "pid", pid);
        put(task, "task_struct", "tgid", tgid);
        put(task, "task_struct", "real_parent", parent);
        put(task, "task_struct", "parent", parent);
        put(task, "task_struct", "flags", flags);
        put(task, "task_struct", "state", 1);
        put(task, "task_struct", "__state", 1);
        put(task, "task_struct", "signal", signal);
        put(task, "task_struct", "se.sum_exec_runtime", 2 * NANOS);
        put(task, "task_struct", "sched_time", 2 * NANOS);
        memory.putString(gpa(address(task, "comm")), name);
        for (String time : List.of("start_time", "real_start_time", "start_boottime")) {
            member("task_struct", time).ifPresent(found -> {
                if (found.type().equals("struct timespec")) {
                    putPointer(task + found.offset(), tgid);
                    putPointer(task + found.offset() + pointer, 250_000_000);
                } else {
                    memory.putLong(gpa(task + found.offset()), tgid * NANOS + 250_000_000);
                }
            });
        }
        put(task, "task_struct", "stack", stack);
        if (version.atLeast(4, 9)) {
            memory.putInt(gpa(stack), END_OF_STACK);
        } else {
            put(task, "task_struct", "thread_info", stack);
            putPointer(stack + member("thread_info", "task").map(Member::offset).orElse(0), task);
        }
        if (member("task_struct", "real_cred").isPresent()) {
            long cred = directMap(allocate(structure("cred").size(), 64));
            put(task, "task_struct", "real_cred", cred);
            put(cred, "cred", "euid", uid);
            put(cred, "cred", "egid", uid);
        } else {
            put(task, "task_struct", "euid", uid);
            put(task, "task_struct", "egid", uid);
        }
        member("task_struct", "thread_group").ifPresent(found -> empty(task + found.offset()));
        if (pid == tgid) {
            put(signal, "signal_struct", "nr_threads", 1);
            member("signal_struct", "thread_head").ifPresent(head -> {
                empty(signal + head.offset());
                insert(signal + head.offset(), address(task, "thread_node"));
            });
        }
    }

    private void link() {
        long before = address(initTask, "tasks");
        empty(before);
        long head = before;
        processes.forEach(task -> insert(head, address(task, "tasks")));
    }

    private void empty(long list) {
        putPointer(list, list);
        putPointer(list + pointer, list);
    }

    /** Adds a node at the end of a list. */
    private void insert(long head, long node) {
        long last = pointerAt(head + pointer);
        putPointer(last, node);
        putPointer(node, head);
        putPointer(node + pointer, last);
        putPointer(head + pointer, node);
    }

    /** The pointer at a GVA. */
    public long pointerAt(long gva) {
        long value = memory.getLong(gpa(gva));
        return pointer == 8 ? value : value & 0xffffffffL;
    }

    private long address(long task, String member) {
        return task + profile.member("task_struct", member).orElseThrow().offset();
    }

    private Optional<Member> member(String struct, String path) {
        return profile.member(struct, path);
    }

    private StructLayout structure(String tag) {
        return profile.structs().get(tag);
    }

    private long get(long base, String struct, String path) {
        Member found = profile.member(struct, path).orElse(new Member(0, 0, ""));
        long value = memory.getLong(gpa(base + found.offset()));
        return found.size() == 8 ? value : found.size() == 4 ? value & 0xffffffffL : 0;
    }

    private void put(long base, String struct, String path, long value) {
        profile.member(struct, path).ifPresent(found -> {
            if (found.size() == 8) {
                memory.putLong(gpa(base + found.offset()), value);
            } else {
                memory.putInt(gpa(base + found.offset()), (int) value);
            }
        });
    }

    private Optional<Long> find(String... names) {
        for (String name : names) {
            Long found = profile.symbols().get(name);
            if (found != null) {
                return Optional.of(found);
            }
        }
        return Optional.empty();
    }

    private long symbol(String name) {
        return find(name).orElseThrow(() -> new IllegalArgumentException("the profile has no symbol " + name));
    }

    private long allocate(int size, int alignment) {
        long gpa = free + alignment - 1 & -(long) alignment;
        free = gpa + size;
        if (free > RAM) {
            throw new IllegalStateException("the fake guest is out of memory");
        }
        return gpa;
    }
}
