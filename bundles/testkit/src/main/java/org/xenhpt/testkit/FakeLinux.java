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

    private static final int TASK_SIZE = 0x400;
    private static final Map<String, Member> TASK = members(
            "flags", new Member(0x2c, 4, "unsigned int"), "__state", new Member(0x18, 4, "unsigned int"),
            "tasks", new Member(0x100, 16, "struct list_head"), "exit_state", new Member(0x140, 4, "int"),
            "pid", new Member(0x150, 4, "pid_t"), "tgid", new Member(0x154, 4, "pid_t"),
            "real_parent", new Member(0x160, 8, "struct task_struct *"),
            "thread_node", new Member(0x180, 16, "struct list_head"), "se", new Member(0x1a0, 64, "struct sched_entity"),
            "start_boottime", new Member(0x200, 8, "u64"), "real_cred", new Member(0x210, 8, "struct cred *"),
            "comm", new Member(0x220, 16, "char[16]"), "signal", new Member(0x240, 8, "struct signal_struct *"));
    private static final Map<String, Member> SIGNAL = members("thread_head", new Member(0x10, 16, "struct list_head"),
            "nr_threads", new Member(0x8, 4, "int"), "sum_sched_runtime", new Member(0x30, 8, "unsigned long long"));
    private static final Map<String, Member> CRED = members("euid", new Member(0x14, 4, "kuid_t"),
            "egid", new Member(0x18, 4, "kgid_t"));
    private static final Map<String, Member> ENTITY = members("sum_exec_runtime", new Member(0x10, 8, "u64"));

    private final FakeMemory memory;
    private final List<Long> processes = new ArrayList<>();
    private long free = FIRST_FREE;

    /** @param live whether the guest claims to run */
    public FakeLinux(boolean live) {
        memory = new FakeMemory(live, new MemoryRange(0, RAM));
        FakePageTables tables = new FakePageTables(memory, PagingMode.LEVEL_4, ROOT);
        tables.map(DIRECT_MAP, 0, RAM, 2 << 20).map(IMAGE + KASLR, IMAGE_GPA, 16 << 20, 2 << 20);
        memory.putLong(gpa(CPU_ONLINE_MASK), 1).putLong(gpa(PER_CPU_OFFSET), DIRECT_MAP + allocate(0x30000));
        writeTask(INIT_TASK + KASLR, 0, 0, INIT_TASK + KASLR, "swapper/0", INIT_SIGNAL + KASLR, INIT_CRED + KASLR);
        memory.putInt(gpa(member(INIT_TASK + KASLR, TASK, "flags")), 0x00200000);
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
        KernelIdentity identity = new KernelIdentity("6.1.0-fake", "Linux version 6.1.0-fake", "", Architecture.X86_64,
                PagingMode.LEVEL_4, ROOT, KASLR, IMAGE_GPA - (IMAGE + KASLR - 0xffffffff80000000L),
                IMAGE + KASLR, IMAGE + KASLR + (16 << 20), Map.of(), List.of());
        return new Kernel(identity, new Profile("fake", new KernelMatch(Architecture.X86_64, "6.1.0-fake",
                identity.banner(), ""), new Origin("hand", "FakeLinux", "2026-01-01"),
                Map.of("init_task", INIT_TASK, "__per_cpu_offset", PER_CPU_OFFSET, "__cpu_online_mask", CPU_ONLINE_MASK,
                        "current_task", CURRENT_TASK),
                Map.of("task_struct", new StructLayout(TASK_SIZE, TASK), "signal_struct", new StructLayout(0x80, SIGNAL),
                        "cred", new StructLayout(0x40, CRED), "sched_entity", new StructLayout(64, ENTITY)),
                Map.of()));
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
        memory.putInt(gpa(member(cred, CRED, "euid")), uid).putInt(gpa(member(cred, CRED, "egid")), uid);
        long task = DIRECT_MAP + allocate(TASK_SIZE);
        writeTask(task, pid, pid, parent, name, signal, cred);
        processes.add(task);
        link();
        return task;
    }

    /** Adds a thread to a process. */
    public long thread(int tid, long leader, String name) {
        long signal = memory.getLong(gpa(member(leader, TASK, "signal")));
        long cred = memory.getLong(gpa(member(leader, TASK, "real_cred")));
        long task = DIRECT_MAP + allocate(TASK_SIZE);
        int tgid = (int) memory.getLong(gpa(member(leader, TASK, "tgid")));
        writeTask(task, tid, tgid, memory.getLong(gpa(member(leader, TASK, "real_parent"))), name, signal, cred);
        long head = member(signal, SIGNAL, "thread_head");
        long last = memory.getLong(gpa(head + 8));
        long node = member(task, TASK, "thread_node");
        memory.putLong(gpa(last), node).putLong(gpa(node), head).putLong(gpa(node + 8), last)
                .putLong(gpa(head + 8), node);
        memory.putInt(gpa(member(signal, SIGNAL, "nr_threads")),
                (int) memory.getLong(gpa(member(signal, SIGNAL, "nr_threads"))) + 1);
        return task;
    }

    /** Makes a task the running one of CPU 0. */
    public void run(long task) {
        long offset = memory.getLong(gpa(PER_CPU_OFFSET));
        memory.putLong(gpa(offset + CURRENT_TASK), task);
    }

    /** GVA of a member of a task, to change it by hand. */
    public long taskMember(long task, String name) {
        return member(task, TASK, name);
    }

    /** The GPA behind a GVA of the image (as linked, or as moved) or of the direct map. */
    public long gpa(long gva) {
        if (gva >= IMAGE) {
            return IMAGE_GPA + (gva - IMAGE >= KASLR ? gva - IMAGE - KASLR : gva - IMAGE);
        }
        return gva - DIRECT_MAP;
    }

    private static long member(long base, Map<String, Member> layout, String name) {
        return base + layout.get(name).offset();
    }

    private long allocate(int size) {
        long gpa = free;
        free += size + 63 & -64;
        return gpa;
    }

    private void writeTask(long task, int pid, int tgid, long parent, String name, long signal, long cred) {
        memory.putInt(gpa(member(task, TASK, "pid")), pid).putInt(gpa(member(task, TASK, "tgid")), tgid)
                .putLong(gpa(member(task, TASK, "real_parent")), parent)
                .putLong(gpa(member(task, TASK, "signal")), signal)
                .putLong(gpa(member(task, TASK, "real_cred")), cred)
                .putInt(gpa(member(task, TASK, "__state")), 1)
                .putLong(gpa(member(task, TASK, "start_boottime")), tgid * 1_000_000_000L)
                .putLong(gpa(member(task, TASK, "se") + ENTITY.get("sum_exec_runtime").offset()), 2_000_000_000L)
                .putString(gpa(member(task, TASK, "comm")), name);
        if (pid == tgid) {
            long head = member(signal, SIGNAL, "thread_head");
            long node = member(task, TASK, "thread_node");
            memory.putLong(gpa(head), node).putLong(gpa(head + 8), node).putLong(gpa(node), head)
                    .putLong(gpa(node + 8), head).putInt(gpa(member(signal, SIGNAL, "nr_threads")), 1);
        }
    }

    private void link() {
        long before = initTask();
        for (long task : processes) {
            link(before, task);
            before = task;
        }
        link(before, initTask());
    }

    /** Makes {@code second} the successor of {@code first} in the list of processes. */
    public void link(long first, long second) {
        long a = member(first, TASK, "tasks");
        long b = member(second, TASK, "tasks");
        memory.putLong(gpa(a), b).putLong(gpa(b + 8), a);
    }
}
