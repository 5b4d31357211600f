// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.testkit;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.StructLayout;
import org.xenhpt.api.translation.PagingMode;

/**
 * A fake guest that keeps tasks as Linux does, with a structure layout of its own: real page tables, {@code init_task}, the
 * circular list of processes, their threads, credentials, per-CPU areas. It is for tests of decoders; that a decoder can
 * read a real kernel is for tests on real kernels to show.
 */
public final class FakeLinux {
    private static final long DIRECT_MAP = 0xffff888000000000L;
    private static final long IMAGE = 0xffffffff81000000L;
    private static final long KASLR = 0x1c000000L;
    private static final long RAM = 64 << 20;
    private static final long IMAGE_GPA = 16 << 20;
    private static final long ROOT = 0x100000;
    private static final long FIRST_FREE = 32 << 20;

    private static final long INIT_TASK = IMAGE + 0x10000;
    private static final long PER_CPU_OFFSET = IMAGE + 0x20000;
    private static final long CPU_ONLINE_MASK = IMAGE + 0x21000;
    private static final long INIT_SIGNAL = IMAGE + 0x22000;
    private static final long INIT_CRED = IMAGE + 0x23000;
    private static final long CURRENT_TASK = 0x1fbc0;

    private static final Map<String, StructLayout> PLAIN = Map.of("task_struct", new StructLayout(0x400, members(
            "flags", new Member(0x2c, 4, "unsigned int"), "__state", new Member(0x18, 4, "unsigned int"),
            "tasks", new Member(0x100, 16, "struct list_head"), "exit_state", new Member(0x140, 4, "int"),
            "pid", new Member(0x150, 4, "pid_t"), "tgid", new Member(0x154, 4, "pid_t"),
            "real_parent", new Member(0x160, 8, "struct task_struct *"),
            "thread_node", new Member(0x180, 16, "struct list_head"), "se", new Member(0x1a0, 64, "struct sched_entity"),
            "start_boottime", new Member(0x200, 8, "u64"), "real_cred", new Member(0x210, 8, "struct cred *"),
            "comm", new Member(0x220, 16, "char[16]"), "signal", new Member(0x240, 8, "struct signal_struct *"))),
            "signal_struct", new StructLayout(0x80, members("thread_head", new Member(0x10, 16, "struct list_head"),
            "nr_threads", new Member(0x8, 4, "int"), "sum_sched_runtime", new Member(0x30, 8, "unsigned long long"))),
            "cred", new StructLayout(0x40, members("euid", new Member(0x14, 4, "kuid_t"),
            "egid", new Member(0x18, 4, "kgid_t"))),
            "sched_entity", new StructLayout(64, members("sum_exec_runtime", new Member(0x10, 8, "u64"))));
    private static final long NANOS = 1_000_000_000L;
    private static final long CPU_NANOS = 2 * NANOS;

    private final FakeMemory memory;
    private final FakePatch patch;
    private final Map<String, StructLayout> layouts;
    private final List<Task> made = new ArrayList<>();
    private long running;
    private long free = FIRST_FREE;

    /** @param live whether the guest claims to run */
    public FakeLinux(boolean live) {
        this(live, new FakePatch("6.1.0-fake"));
    }

    /**
     * A guest whose kernel somebody changed.
     *
     * @param live whether the guest claims to run
     */
    public FakeLinux(boolean live, FakePatch patch) {
        this.patch = patch;
        layouts = patch.apply(PLAIN);
        memory = new FakeMemory(live, new MemoryRange(0, RAM));
        FakePageTables tables = new FakePageTables(memory, PagingMode.LEVEL_4, ROOT);
        tables.map(DIRECT_MAP, 0, RAM, 2 << 20).map(IMAGE + KASLR, IMAGE_GPA, 16 << 20, 2 << 20);
        memory.putLong(gpa(CPU_ONLINE_MASK), 1).putLong(gpa(PER_CPU_OFFSET), DIRECT_MAP + allocate(0x30000));
        writeTask(INIT_TASK + KASLR, 0, 0, INIT_TASK + KASLR, "swapper/0", INIT_SIGNAL + KASLR, INIT_CRED + KASLR);
        put(INIT_TASK + KASLR, "flags", 0x00200000);
        link();
        run(INIT_TASK + KASLR);
    }

    private static Map<String, Member> members(Object... namesAndMembers) {
        Map<String, Member> members = new LinkedHashMap<>();
        for (int i = 0; i < namesAndMembers.length; i += 2) {
            members.put((String) namesAndMembers[i], (Member) namesAndMembers[i + 1]);
        }
        return members;
    }

    public FakeMemory memory() {
        return memory;
    }

    public FakeGuest guest() {
        return new FakeGuest(memory);
    }

    /** The kernel, identified and with a profile. */
    public Kernel kernel() {
        KernelIdentity identity = new KernelIdentity(patch.release(), "Linux version " + patch.release(), "",
                Architecture.X86_64, PagingMode.LEVEL_4, ROOT, KASLR, IMAGE_GPA - (IMAGE + KASLR - 0xffffffff80000000L),
                IMAGE + KASLR, IMAGE + KASLR + (16 << 20), Map.of(), List.of());
        return new Kernel(identity, new Profile("fake", new KernelMatch(Architecture.X86_64, patch.release(),
                identity.banner(), ""), new Origin("hand", "FakeLinux", "2026-01-01"),
                Map.of("init_task", INIT_TASK, "__per_cpu_offset", PER_CPU_OFFSET, "__cpu_online_mask", CPU_ONLINE_MASK,
                        "current_task", CURRENT_TASK),
                patch.inItsOwnWords(layouts), Map.of()));
    }

    /** The kernel's own address space, by the page tables that are in its memory. */
    public WalkedSpace space() {
        return new WalkedSpace(memory, PagingMode.LEVEL_4, ROOT);
    }

    /**
     * The truth: the tasks as they were made, in the order of the kernel's list, without the idle one. What a test wrote over
     * them by hand is not in it.
     *
     * @param threads whether to give every task, not only one a process
     */
    public List<Task> tasks(boolean threads) {
        List<Task> all = new ArrayList<>();
        for (Task process : made.stream().filter(Task::isProcess).toList()) {
            List<Task> group = made.stream().filter(task -> task.tgid() == process.tgid()).toList();
            if (threads) {
                all.addAll(group);
            } else {
                all.add(task(process.address(), process.pid(), process.tgid(), process.ppid(), process.uid(),
                        group.size() * CPU_NANOS, process.name()));
            }
        }
        return List.copyOf(all);
    }

    private static Task task(long address, int pid, int tgid, int ppid, long uid, long cpu, String name) {
        return new Task(address, pid, tgid, ppid, 'S', uid, uid, tgid * NANOS, cpu, name, false);
    }

    /** The running task of CPU 0; the idle one is not in {@link #tasks}. */
    CurrentTask running() {
        Task task = made.stream().filter(each -> each.address() == running).findFirst()
                .orElseGet(() -> new Task(initTask(), 0, 0, 0, 'R', 0, 0, 0, CPU_NANOS, "swapper/0", true));
        return new CurrentTask(0, task, gpa(task.address()), 0, "the fake guest was told so", false);
    }

    /** GVA of {@code init_task}. */
    public long initTask() {
        return INIT_TASK + KASLR;
    }

    /**
     * Adds a process of one thread at the end of the list.
     *
     * @param parent GVA of the parent's task
     * @return GVA of its task
     */
    public long process(int pid, long parent, int uid, String name) {
        long signal = DIRECT_MAP + allocate(0x80);
        long cred = DIRECT_MAP + allocate(0x40);
        memory.putInt(gpa(member(cred, "cred", "euid")), uid).putInt(gpa(member(cred, "cred", "egid")), uid);
        long task = DIRECT_MAP + allocate(layouts.get("task_struct").size());
        writeTask(task, pid, pid, parent, name, signal, cred);
        made.add(task(task, pid, pid, (int) get(parent, "tgid"), uid, CPU_NANOS, name));
        link();
        return task;
    }

    /** Adds a thread to a process. */
    public long thread(int tid, long leader, String name) {
        long signal = get(leader, "signal");
        long cred = get(leader, "real_cred");
        long task = DIRECT_MAP + allocate(layouts.get("task_struct").size());
        int tgid = (int) get(leader, "tgid");
        long parent = get(leader, "real_parent");
        writeTask(task, tid, tgid, parent, name, signal, cred);
        made.add(task(task, tid, tgid, (int) get(parent, "tgid"),
                memory.getLong(gpa(member(cred, "cred", "euid"))) & 0xffffffffL, CPU_NANOS, name));
        long head = member(signal, "signal_struct", "thread_head");
        long last = memory.getLong(gpa(head + 8));
        long node = member(task, "task_struct", "thread_node");
        memory.putLong(gpa(last), node).putLong(gpa(node), head).putLong(gpa(node + 8), last)
                .putLong(gpa(head + 8), node);
        memory.putInt(gpa(member(signal, "signal_struct", "nr_threads")),
                (int) memory.getLong(gpa(member(signal, "signal_struct", "nr_threads"))) + 1);
        return task;
    }

    /** Makes a task the running one of CPU 0. */
    public void run(long task) {
        running = task;
        long offset = memory.getLong(gpa(PER_CPU_OFFSET));
        memory.putLong(gpa(offset + CURRENT_TASK), task);
    }

    /** GVA of a member of a task, by its plain name, to change it by hand. */
    public long taskMember(long task, String name) {
        return member(task, "task_struct", name);
    }

    /** Writes a member of a task, of 4 or 8 bytes, by its plain name. */
    public FakeLinux put(long task, String name, long value) {
        long at = gpa(taskMember(task, name));
        if (layouts.get("task_struct").members().get(name).size() == 8) {
            memory.putLong(at, value);
        } else {
            memory.putInt(at, (int) value);
        }
        return this;
    }

    private long get(long task, String name) {
        return memory.getLong(gpa(taskMember(task, name)));
    }

    /** The GPA behind a GVA of the image (as linked, or as moved) or of the direct map. */
    public long gpa(long gva) {
        if (gva >= IMAGE) {
            return IMAGE_GPA + (gva - IMAGE >= KASLR ? gva - IMAGE - KASLR : gva - IMAGE);
        }
        return gva - DIRECT_MAP;
    }

    private long member(long base, String struct, String name) {
        Member member = layouts.get(struct).members().get(name);
        if (member == null) {
            throw new IllegalArgumentException("the fake kernel has no " + struct + "." + name);
        }
        return base + member.offset();
    }

    private long allocate(int size) {
        long gpa = free;
        free += size + 63 & -64;
        return gpa;
    }

    private void writeTask(long task, int pid, int tgid, long parent, String name, long signal, long cred) {
        put(task, "pid", pid).put(task, "tgid", tgid).put(task, "real_parent", parent).put(task, "signal", signal)
                .put(task, "real_cred", cred).put(task, "__state", 1).put(task, "start_boottime", tgid * NANOS);
        memory.putLong(gpa(member(taskMember(task, "se"), "sched_entity", "sum_exec_runtime")), CPU_NANOS)
                .putString(gpa(taskMember(task, "comm")), name);
        if (pid == tgid) {
            long head = member(signal, "signal_struct", "thread_head");
            long node = member(task, "task_struct", "thread_node");
            memory.putLong(gpa(head), node).putLong(gpa(head + 8), node).putLong(gpa(node), head)
                    .putLong(gpa(node + 8), head).putInt(gpa(member(signal, "signal_struct", "nr_threads")), 1);
        }
    }

    private void link() {
        long before = initTask();
        for (Task process : made.stream().filter(Task::isProcess).toList()) {
            link(before, process.address());
            before = process.address();
        }
        link(before, initTask());
    }

    /** Makes {@code second} the successor of {@code first} in the list of processes. */
    public void link(long first, long second) {
        long a = member(first, "task_struct", "tasks");
        long b = member(second, "task_struct", "tasks");
        memory.putLong(gpa(a), b).putLong(gpa(b + 8), a);
    }
}
