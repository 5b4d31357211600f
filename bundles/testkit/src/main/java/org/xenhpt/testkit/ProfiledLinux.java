// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.testkit;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.StructLayout;
import org.xenhpt.api.translation.PagingMode;

/**
 * A fake guest of a kernel up to 5.0 whose structures lie as a profile says, which is best made of a real build with all
 * members of {@code task_struct}: what the profile names is there with a value of its type, as in a running kernel,
 * whether or not anybody looks at it. It is for tests of what must work with layouts that nobody prepared for; that
 * something reads a real kernel is for tests on real kernels to show.
 *
 * <p>The kernel lies where it was linked, as kernels without KASLR do, and its symbols are where the profile has them.
 */
public final class ProfiledLinux {
    /** When the guest booted, in seconds since 1970. */
    public static final long BOOTED = 1_350_000_000L;
    /** How long ago that was, in seconds. */
    public static final long UPTIME = 4000;

    private static final long START_KERNEL_MAP = 0xffffffff80000000L;
    private static final long RAM = 256 << 20;
    private static final long IMAGE_SIZE = 48 << 20;
    private static final long ROOT = 64 << 20;
    private static final long FIRST_FREE = 80 << 20;
    private static final long FIRST_TASK = 160 << 20;
    private static final int END_OF_STACK = 0x57AC6E9D;
    private static final int PF_KTHREAD = 0x00200000;
    private static final int PF_FORKNOEXEC = 0x40;
    private static final int PF_EXITING = 0x4;
    private static final int PF_USED_MATH = 0x2000;
    private static final int SIGCHLD = 17;
    private static final long NANOS = 1_000_000_000L;

    /** A task that was put into the guest. */
    public record Made(long gva, int pid, int tgid, int ppid, String name, char state, int uid, long startNanos,
            long cpuNanos, boolean kernel) {
    }

    private final Profile profile;
    private final PagingMode paging;
    private final int pointer;
    private final Random random;
    private final FakeMemory memory = new FakeMemory(false, new MemoryRange(0, RAM));
    private final long directMap;
    private final long imageBase;
    private final long imageStart;
    private final int version;
    private final Map<String, Long> symbols = new HashMap<>();
    private final Map<Long, Made> made = new LinkedHashMap<>();
    private final Map<Long, List<Long>> children = new LinkedHashMap<>();
    private final Map<Long, List<Long>> threads = new LinkedHashMap<>();
    private final Map<Long, Long> userPointers = new HashMap<>();
    private long free = FIRST_FREE;
    private long freeTask = FIRST_TASK;
    private long freeInImage;
    private int clock;
    private boolean young;
    private final long init;

    /**
     * @param profile with {@code task_struct}, and what other structures it knows
     * @param paging  in which the kernel's page tables are written
     * @param seed    of what is arbitrary
     */
    public ProfiledLinux(Profile profile, PagingMode paging, long seed) {
        this.profile = profile;
        this.paging = paging;
        this.random = new Random(seed);
        boolean wide = profile.kernel().architecture() == Architecture.X86_64;
        this.pointer = wide ? 8 : 4;
        String[] numbers = profile.kernel().release().split("[^0-9]+");
        this.version = Integer.parseInt(numbers[0]) << 16 | Integer.parseInt(numbers[1]) << 8
                | (numbers[0].equals("2") ? Integer.parseInt(numbers[2]) : 0);
        // PAGE_OFFSET moved up when Xen's hole was made below it (2.6.27).
        this.directMap = !wide ? 0xc0000000L : version < at(2, 6, 27) ? 0xffff810000000000L : 0xffff880000000000L;
        this.imageBase = wide ? START_KERNEL_MAP : directMap;
        long text = profile.symbols().getOrDefault("_text", imageBase + (16 << 20));
        // What is mapped begins with a large page; kernels before 2.6.30 were linked at 2 or 4 MiB.
        this.imageStart = text == START_KERNEL_MAP ? text + (2 << 20) : text & -(2L << 20);
        this.freeInImage = imageStart + IMAGE_SIZE - (8 << 20);
        FakePageTables tables = new FakePageTables(memory, paging, ROOT);
        long large = paging == PagingMode.X86_32 ? 4 << 20 : 2 << 20;
        tables.map(directMap, 0, RAM, large);
        if (wide) {
            tables.map(imageStart, imageStart - imageBase, IMAGE_SIZE, large);
        }
        writeText(symbol("linux_banner", 256), banner() + "\n");
        if (profile.structs().containsKey("new_utsname")) {
            writeText(symbol("init_uts_ns", 512) + member("new_utsname", "release").offset() + 4,
                    profile.kernel().release());
        }
        init = symbol("init_task", size("task_struct"));
        clock = 0;
    }

    private static int at(int major, int minor, int patch) {
        return major << 16 | minor << 8 | patch;
    }

    private String banner() {
        String known = profile.kernel().banner();
        return known.isEmpty() ? "Linux version " + profile.kernel().release()
                + " (builder@fake) (gcc version 4.4.5) #1 SMP Fri Oct 12 00:00:00 UTC 2012" : known;
    }

    // What tests ask for

    public FakeMemory memory() {
        return memory;
    }

    public FakeGuest guest() {
        return new FakeGuest(memory);
    }

    /** GVA of {@code init_task}. */
    public long initTask() {
        return init;
    }

    /** The tasks of the guest, init_task excepted, in the order in which they were made. */
    public List<Made> tasks() {
        return List.copyOf(made.values());
    }

    /**
     * In what a table with all threads and fields differs from what was put into the guest, a line a field.
     *
     * @param cpuTime whether the time of CPU is expected to be known
     */
    public List<String> differences(ProcessTable table, boolean cpuTime) {
        List<String> differences = new ArrayList<>();
        table.gaps().forEach(gap -> differences.add("gap: " + gap));
        Map<Integer, Task> read = new LinkedHashMap<>();
        table.tasks().forEach(task -> read.put(task.pid(), task));
        if (table.tasks().size() != made.size()) {
            differences.add(table.tasks().size() + " tasks, not " + made.size());
        }
        for (Made task : made.values()) {
            int gid = task.uid == 0 ? 0 : task.uid + 5;
            Task expected = new Task(task.gva, task.pid, task.tgid, task.ppid, task.state, task.uid, gid,
                    task.startNanos, cpuTime ? task.cpuNanos : Task.UNKNOWN, task.name, task.kernel);
            if (!expected.equals(read.get(task.pid))) {
                differences.add(read.get(task.pid) + ", not " + expected);
            }
        }
        return differences;
    }

    /** The kernel as it is identified from memory. */
    public KernelIdentity identity() {
        return new KernelIdentity(profile.kernel().release(), banner(), "", profile.kernel().architecture(), paging,
                ROOT, 0, 0, imageStart, imageStart + IMAGE_SIZE, Map.of("linux_banner", symbol("linux_banner", 256)),
                List.of());
    }

    /** The kernel with the profile, its symbols where they were put. */
    public Kernel kernel() {
        Map<String, Long> all = new HashMap<>(profile.symbols());
        all.putAll(symbols);
        return new Kernel(identity(), new Profile(profile.name(), profile.kernel(), profile.origin(), all,
                profile.structs(), profile.constants()));
    }

    /** The GPA behind a GVA of the image or of the direct map. */
    public long gpa(long gva) {
        if (pointer == 4) {
            return (gva & 0xffffffffL) - directMap;
        }
        return gva >= START_KERNEL_MAP ? gva - START_KERNEL_MAP : gva - directMap;
    }

    /** GVA of a member of a task, to change it by hand. */
    public long taskMember(long task, String name) {
        return task + member("task_struct", name).offset();
    }

    public ProfiledLinux putPointer(long gva, long value) {
        if (pointer == 8) {
            memory.putLong(gpa(gva), value);
        } else {
            memory.putInt(gpa(gva), (int) value);
        }
        return this;
    }

    public long getPointer(long gva) {
        long value = memory.getLong(gpa(gva));
        return pointer == 8 ? value : value & 0xffffffffL;
    }

    /** All tasks made from now on begin within the guest's first second. */
    public ProfiledLinux young() {
        young = true;
        return this;
    }

    /**
     * A guest as it is after boot: kernel threads, daemons, users' processes, one that is being traced, one that ended,
     * one that is stopped, one that runs.
     *
     * @param threads how many threads besides the first its processes have in all
     */
    public ProfiledLinux usual(int threads) {
        writeTask(init, 0, 0, init, init, "swapper" + (version >= at(3, 3, 0) ? "/0" : ""), 'R', 0, true);
        long first = process(1, init, "init", 'S', 0, false);
        // Before 2.6.22 (commit 73c279927f89) there was no kthreadd: init was the parent, or a workqueue named kthread.
        boolean kthreadd = version >= at(2, 6, 22);
        long maker = kthreadd ? process(2, init, "kthreadd", 'S', 0, true) : first;
        int pid = kthreadd ? 3 : 2;
        for (String name : List.of("migration/0", "ksoftirqd/0", "watchdog/0", "events/0", "khelper")) {
            process(pid++, maker, name, 'S', 0, true);
        }
        long kthread = kthreadd ? maker : process(pid++, first, "kthread", 'S', 0, true);
        for (String name : List.of("netns", "async/mgr", "kintegrityd/0", "kblockd/0", "kacpid", "kacpi_notify",
                "ata/0", "kseriod", "khungtaskd", "pdflush", "kswapd0", "aio/0", "crypto/0", "scsi_eh_0",
                "kjournald", "flush-8:0")) {
            process(pid++, kthread, name, name.equals("flush-8:0") ? 'D' : 'S', 0, true);
        }
        process(pid + 20, first, "udevd", 'S', 0, false);
        pid = 420;
        for (String name : List.of("rsyslogd", "dbus-daemon", "sshd", "cron", "atd", "getty", "exim4")) {
            process(pid, first, name, 'S', name.equals("dbus-daemon") ? 101 : name.equals("exim4") ? 104 : 0, false);
            pid += 1 + random.nextInt(60);
        }
        long shell = process(pid += 7, byName("sshd"), "bash", 'S', 1000, false);
        long gdb = process(pid += 5, shell, "gdb", 'S', 1000, false);
        long traced = process(pid += 5, shell, "a.out", 'T', 1000, false);
        if (has("task_struct", "real_parent") && has("task_struct", "parent")) {
            putPointer(taskMember(traced, "parent"), gdb);
        }
        process(pid += 2, shell, "vi", 'T', 1000, false);
        process(pid += 3, shell, "defunct", 'Z', 1000, false);
        long running = process(pid += 3, shell, "hackbench", 'R', 1000, false);
        long java = process(pid + 11, first, "java", 'S', 33, false);
        for (int i = 0; i < threads; i++) {
            thread(pid + 12 + i, java, "java");
        }
        link();
        clockAndPerCpu(running);
        return this;
    }

    private long byName(String name) {
        return made.values().stream().filter(task -> task.name.equals(name)).findFirst().orElseThrow().gva;
    }

    // Allocation

    private long symbol(String name, long size) {
        return symbols.computeIfAbsent(name, n -> {
            Long known = profile.symbols().get(n);
            // Per-CPU symbols are no addresses.
            if (known != null && Long.compareUnsigned(known, imageStart) >= 0
                    && Long.compareUnsigned(known, imageStart + IMAGE_SIZE - size) < 0) {
                return known;
            }
            freeInImage += 64;
            long gva = freeInImage;
            freeInImage += size + 63 & -64;
            return gva;
        });
    }

    private long allocate(long size, long align) {
        free = (free + align - 1 & -align) + (align < 4096 ? 16 * random.nextInt(4) + align - 1 & -align : 0);
        long gpa = free;
        free += size;
        return directMap + gpa;
    }

    private long object() {
        long gva = allocate(128, 64);
        memory.putInt(gpa(gva), 1 + random.nextInt(3));
        putPointer(gva + 32, allocate(32, 32));
        return gva;
    }

    private long allocateTask() {
        long gpa = freeTask;
        freeTask += size("task_struct") + 63 & -64;
        return directMap + gpa;
    }

    private Member member(String struct, String name) {
        return profile.member(struct, name).orElseThrow(() ->
                new IllegalArgumentException("the profile lacks " + struct + "." + name));
    }

    private boolean has(String struct, String name) {
        return profile.member(struct, name).isPresent();
    }

    private int size(String struct) {
        StructLayout layout = profile.structs().get(struct);
        return layout == null ? 512 : layout.size();
    }

    private void set(String struct, long base, String name, long value) {
        profile.member(struct, name).ifPresent(m -> put(base + m.offset(), m.size(), value));
    }

    private void put(long gva, int size, long value) {
        for (int i = 0; i < size; i++) {
            memory.putByte(gpa(gva) + i, i < 8 ? (int) (value >>> 8 * i) : value < 0 ? -1 : 0);
        }
    }

    private void writeText(long gva, String text) {
        memory.putString(gpa(gva), text);
    }

    // Contents

    /** Fills every member of a structure with something of its type. */
    private void fill(String struct, long base, boolean kernelThread) {
        StructLayout layout = profile.structs().get(struct);
        if (layout == null) {
            return;
        }
        for (int i = 0; i < layout.size(); i++) {
            memory.putByte(gpa(base) + i, 0);
        }
        layout.members().forEach((name, member) ->
                fillMember(struct + "." + name, member, base + member.offset(), kernelThread));
    }

    private void fillMember(String path, Member member, long gva, boolean kernelThread) {
        String type = member.type();
        int hash = path.hashCode() & 0x7fffffff;
        if (type.startsWith("struct list_head") && !type.contains("*")) {
            for (long node = gva; node < gva + member.size(); node += 2L * pointer) {
                putPointer(node, node).putPointer(node + pointer, node);
            }
        } else if (type.contains("*") && !type.contains("[")) {
            putPointer(gva, pointerFor(path, type, hash, kernelThread));
        } else if (type.startsWith("struct ") && profile.structs().containsKey(type.substring(7))
                && profile.structs().get(type.substring(7)).size() == member.size()) {
            fill(type.substring(7), gva, kernelThread);
        } else if (type.equals("atomic_t")) {
            put(gva, 4, 1 + hash % 3);
        } else if (type.matches("struct (plist_head|mutex|rw_semaphore)|wait_queue_head_t")) {
            // A lock, and somewhere in it an empty list.
            int node = member.size() - 2 * pointer - (type.endsWith("mutex") ? pointer : 0);
            putPointer(gva + node, gva + node).putPointer(gva + node + pointer, gva + node);
        } else if (type.matches("(cputime_t|(long )*unsigned( long)* int|u64|size_t|clock_t)") && member.size() >= 4) {
            put(gva, member.size(), random.nextInt(3) == 0 ? 0 : random.nextInt(1 << hash % 20 + 1));
        } else if (type.matches("(unsigned )?int|u32|__u32") && member.size() == 4) {
            put(gva, 4, hash % 4 == 0 ? 1 : 0);
        } else if (type.matches("cpumask_t|nodemask_t")) {
            put(gva, Math.min(8, member.size()), -1);
        }
    }

    /** Members of one name are alike in all tasks: not used, or of the kernel's, or shared, or each task's own. */
    private long pointerFor(String path, String type, int hash, boolean kernelThread) {
        if (type.contains("(*)") || type.startsWith("const ")) {
            return hash % 2 == 0 ? 0 : symbol("function_" + hash % 16, 64);
        }
        if (type.startsWith("struct task_struct")) {
            // Such as who woke it last: a task, but no relative.
            return made.isEmpty() || hash % 2 == 0 ? 0
                    : new ArrayList<>(made.keySet()).get(random.nextInt(made.size()));
        }
        return switch (hash % 5) {
            case 0, 1 -> 0;
            case 2 -> userPointers.computeIfAbsent((long) hash, h -> object());
            case 3 -> kernelThread ? 0 : object();
            default -> object();
        };
    }

    private long process(int pid, long parent, String name, char state, int uid, boolean kernelThread) {
        long task = allocateTask();
        writeTask(task, pid, pid, parent, task, name, state, uid, kernelThread);
        children.computeIfAbsent(parent, p -> new ArrayList<>()).add(task);
        return task;
    }

    private void thread(int tid, long leader, String name) {
        long task = allocateTask();
        Made process = made.get(leader);
        writeTask(task, tid, process.pid, getPointer(taskMember(leader, parentName())), leader, name, 'S', process.uid,
                false);
        threads.computeIfAbsent(leader, l -> new ArrayList<>()).add(task);
    }

    private String parentName() {
        // Red Hat's utrace did without the other.
        return has("task_struct", "real_parent") ? "real_parent" : "parent";
    }

    private void writeTask(long task, int pid, int tgid, long parent, long leader, String name, char state, int uid,
            boolean kernelThread) {
        String t = "task_struct";
        boolean idle = pid == 0;
        fill(t, task, kernelThread);
        put(taskMember(task, "state"), pointer, switch (state) {
            case 'R' -> 0;
            case 'S' -> 1;
            case 'D' -> 2;
            case 'T' -> 4;
            default -> version < at(2, 6, 28) ? 0 : 64;
        });
        boolean ended = state == 'Z';
        set(t, task, "exit_state", ended ? version < at(3, 15, 0) ? 16 : 32 : 0);
        set(t, task, "exit_code", ended ? 256 : 0);
        set(t, task, "exit_signal", pid != tgid ? -1 : parent == init && version < at(3, 0, 0) ? 0 : SIGCHLD);
        // Programs that go on in the background have forked and begun none since, too; init has, and init_task was
        // never forked.
        long flags = PF_USED_MATH | (pid > 1 ? PF_FORKNOEXEC : 0) | (kernelThread ? 0 : 0x400000);
        if (kernelThread && version >= at(2, 6, 27)) {
            flags |= PF_KTHREAD;
        }
        set(t, task, "flags", ended ? flags | PF_EXITING : flags);
        set(t, task, "usage", 2);
        boolean realTime = name.startsWith("migration") || name.startsWith("watchdog");
        set(t, task, "prio", realTime ? 0 : 120);
        set(t, task, "static_prio", 120);
        set(t, task, "normal_prio", realTime ? 0 : 120);
        set(t, task, "pid", pid);
        set(t, task, "tgid", tgid);
        set(t, task, "stack_canary", random.nextLong() | 0xff00000000L);
        set(t, task, "real_parent", parent);
        set(t, task, "parent", parent);
        set(t, task, "group_leader", leader);
        for (int i = 0; i < 16; i++) {
            memory.putByte(gpa(taskMember(task, "comm")) + i, i < name.length() ? name.charAt(i) : 0);
        }
        stack(task, idle);
        memory(task, idle, kernelThread || ended);
        long start = times(task, pid, kernelThread);
        long cpu = scheduling(task, start, idle, realTime, kernelThread);
        credentials(task, uid, idle);
        signals(task, leader, idle);
        pids(task, pid == tgid);
        if (!idle) {
            made.put(task, new Made(task, pid, tgid, idle || parent == init ? 0 : made.get(parent).tgid, name, state,
                    uid, start, cpu, kernelThread));
        }
    }

    private void stack(long task, boolean idle) {
        int stackSize = pointer == 8 && version >= at(3, 15, 0) ? 16384 : 8192;
        long stack = idle ? symbol("init_thread_union", 2L * stackSize) : allocate(stackSize, stackSize);
        set("task_struct", task, "stack", stack);
        set("task_struct", task, "thread_info", stack);
        if (version >= at(4, 9, 0)) {
            // thread_info has moved into the task.
            memory.putInt(gpa(stack), END_OF_STACK);
            return;
        }
        fill("thread_info", stack, false);
        putPointer(stack, task);
        // Since 2.6.27 (commit 7c9f8861e6c9); of init_task since 3.18 (commit d4311ff1a8da).
        if (version >= (idle ? at(3, 18, 0) : at(2, 6, 27))) {
            memory.putInt(gpa(stack) + size("thread_info"), END_OF_STACK);
        }
        set("thread_struct", taskMember(task, "thread"), "sp0", stack + stackSize);
        set("thread_struct", taskMember(task, "thread"), "sp", stack + stackSize - 0x108);
        set("thread_struct", taskMember(task, "thread"), "rsp0", stack + stackSize);
        set("thread_struct", taskMember(task, "thread"), "rsp", stack + stackSize - 0x108);
        set("thread_struct", taskMember(task, "thread"), "esp0", stack + stackSize);
        set("thread_struct", taskMember(task, "thread"), "esp", stack + stackSize - 0x108);
    }

    private void memory(long task, boolean idle, boolean none) {
        long mm = none ? 0 : allocate(size("mm_struct"), 64);
        if (mm != 0) {
            fill("mm_struct", mm, false);
        }
        set("task_struct", task, "mm", mm);
        set("task_struct", task, "active_mm", idle ? symbol("init_mm", size("mm_struct")) : mm);
        set("task_struct", task, "fs", idle ? symbol("init_fs", 64) : object());
        set("task_struct", task, "files", idle ? symbol("init_files", 704) : object());
        set("task_struct", task, "nsproxy", symbol("init_nsproxy", 64));
    }

    private long times(long task, int pid, boolean kernelThread) {
        // Until a clock better than the tick is found, what starts within 4 ms starts at once.
        clock++;
        long start = pid == 0 || clock < 3 && version < at(2, 6, 29) ? 0 : clock < 12 ? clock / 4 * 4_000_000L + 12_000_000L
                : young ? clock * 12_000_011L : kernelThread ? clock * 31_000_007L : clock * 1_210_000_031L;
        long slept = 0;
        if (member("task_struct", "start_time").size() == 8 && version >= at(3, 17, 0)) {
            set("task_struct", task, "start_time", start);
            set("task_struct", task, "real_start_time", start + slept);
        } else {
            for (String name : List.of("start_time", "real_start_time")) {
                if (has("task_struct", name)) {
                    putPointer(taskMember(task, name), start / NANOS)
                            .putPointer(taskMember(task, name) + pointer, start % NANOS);
                }
            }
        }
        return start;
    }

    private long scheduling(long task, long start, boolean idle, boolean realTime, boolean kernelThread) {
        long cpu = idle ? 0 : kernelThread ? 1_000_003L + random.nextInt(900_000_000)
                : 50_000_011L + random.nextInt(900_000_000);
        if (!has("task_struct", "se")) {
            set("task_struct", task, "sched_time", cpu);
            set("task_struct", task, "timestamp", start + cpu);
            return cpu;
        }
        long se = taskMember(task, "se");
        fill("sched_entity", se, kernelThread);
        // The weights of nice 0 and of real-time tasks, and the inverse of the former.
        putPointer(se, realTime ? 177522 : 1024);
        put(se + pointer, 4, realTime ? 24194 : 4194304);
        long last = idle ? 0 : start + cpu + random.nextInt(1_000_000_000);
        set("sched_entity", se, "exec_start", last);
        set("sched_entity", se, "sum_exec_runtime", cpu);
        set("sched_entity", se, "vruntime", realTime ? 0 : 7_000_000_000L + random.nextInt(1_000_000_000));
        set("sched_entity", se, "prev_sum_exec_runtime", cpu - cpu / 10);
        set("sched_entity", se, "on_rq", 0);
        return cpu;
    }

    private void credentials(long task, int uid, boolean idle) {
        int gid = uid == 0 ? 0 : uid + 5;
        List<String> users = List.of("uid", "euid", "suid", "fsuid");
        List<String> groups = List.of("gid", "egid", "sgid", "fsgid");
        boolean inTask = has("task_struct", "uid");
        String struct = inTask ? "task_struct" : "cred";
        long cred = inTask ? task : idle ? symbol("init_cred", size("cred")) : allocate(size("cred"), 64);
        if (!inTask) {
            fill("cred", cred, false);
            set("task_struct", task, "real_cred", cred);
            set("task_struct", task, "cred", cred);
            set("cred", cred, "usage", idle ? 4 : 1);
            set("cred", cred, "securebits", 0);
        }
        set(struct, cred, "group_info", idle ? symbol("init_groups", 144) : object());
        users.forEach(name -> set(struct, cred, name, uid));
        groups.forEach(name -> set(struct, cred, name, gid));
        profile.member(struct, "cap_permitted").ifPresent(all -> {
            int bytes = all.size();
            long full = uid != 0 ? 0 : version >= at(3, 8, 0) ? 0x1fffffffffL : -1L;
            put(cred + all.offset(), bytes, full);
            // Until capabilities of files were there, nobody had CAP_SETPCAP.
            put(cred + member(struct, "cap_effective").offset(), bytes,
                    version < at(2, 6, 33) ? full & ~0x100L : full);
            put(cred + member(struct, "cap_inheritable").offset(), bytes, 0);
            set(struct, cred, "cap_bset", version >= at(3, 8, 0) ? 0x1fffffffffL : -1L);
        });
    }

    private void signals(long task, long leader, boolean idle) {
        boolean first = task == leader;
        long signal = !first ? getPointer(taskMember(leader, "signal"))
                : idle ? symbol("init_signals", size("signal_struct")) : allocate(size("signal_struct"), 64);
        long sighand = !first ? getPointer(taskMember(leader, "sighand"))
                : idle ? symbol("init_sighand", size("sighand_struct")) : allocate(size("sighand_struct"), 64);
        set("task_struct", task, "signal", signal);
        set("task_struct", task, "sighand", sighand);
        if (!first) {
            return;
        }
        fill("signal_struct", signal, false);
        fill("sighand_struct", sighand, false);
        set("signal_struct", signal, "live", 1);
        set("signal_struct", signal, "nr_threads", 1);
        set("signal_struct", signal, "sum_sched_runtime", idle ? 0 : random.nextInt(3) * 1_000_000L);
        profile.member("signal_struct", "rlim").ifPresent(rlim -> {
            int pairs = rlim.size() / (2 * pointer);
            for (int i = 0; i < pairs; i++) {
                long at = signal + rlim.offset() + 2L * i * pointer;
                long now = i == 3 ? 8 << 20 : i == 4 || i == 12 || i == 13 || i == 14 ? 0 : i == 6 || i == 11 ? 1007
                        : i == 7 ? 1024 : i == 8 ? 65536 : -1L;
                long most = i == 3 || i == 4 ? -1L : i == 7 ? 4096 : now;
                putPointer(at, now).putPointer(at + pointer, i == 12 ? 819200 : most);
            }
        });
    }

    /** The task's own struct pid, and for the groups and sessions those of init. */
    private void pids(long task, boolean leader) {
        if (!has("task_struct", "pids") || !has("pid", "tasks")) {
            return;
        }
        long links = taskMember(task, "pids");
        long own = allocate(size("pid"), 64);
        fill("pid", own, false);
        for (int type = 0; type < 3; type++) {
            long link = links + 3L * pointer * type;
            long pid = own;
            putPointer(link, 0);
            putPointer(link + pointer, pid + member("pid", "tasks").offset() + (long) type * pointer);
            putPointer(link + 2L * pointer, pid);
            putPointer(pid + member("pid", "tasks").offset() + (long) type * pointer, link);
            if (!leader) {
                // Only a process's first task is in groups.
                for (int rest = 3 * pointer; rest < 9 * pointer; rest += pointer) {
                    putPointer(links + rest, 0);
                }
                return;
            }
        }
    }

    private void link() {
        List<Long> nodes = new ArrayList<>();
        nodes.add(taskMember(init, "tasks"));
        made.values().stream().filter(task -> task.pid == task.tgid)
                .forEach(task -> nodes.add(taskMember(task.gva, "tasks")));
        ring(nodes);
        List<Long> all = new ArrayList<>(made.keySet());
        all.add(init);
        for (long task : all) {
            List<Long> family = new ArrayList<>(List.of(taskMember(task, "children")));
            children.getOrDefault(task, List.of()).forEach(child -> family.add(taskMember(child, "sibling")));
            ring(family);
        }
        threads.forEach((leader, others) -> {
            List<Long> group = new ArrayList<>(List.of(taskMember(leader, "thread_group")));
            others.forEach(thread -> group.add(taskMember(thread, "thread_group")));
            ring(group);
            set("signal_struct", getPointer(taskMember(leader, "signal")), "nr_threads", 1L + others.size());
            set("signal_struct", getPointer(taskMember(leader, "signal")), "live", 1L + others.size());
            // A copy of the parent's, never put on the list.
            others.forEach(thread -> putPointer(taskMember(thread, "tasks"), getPointer(taskMember(leader, "tasks")))
                    .putPointer(taskMember(thread, "tasks") + pointer,
                            getPointer(taskMember(leader, "tasks") + pointer)));
        });
        if (has("task_struct", "thread_node") && has("signal_struct", "thread_head")) {
            all.stream().filter(task -> task == init || made.get(task).pid == made.get(task).tgid).forEach(leader -> {
                List<Long> group = new ArrayList<>(List.of(getPointer(taskMember(leader, "signal"))
                        + member("signal_struct", "thread_head").offset(), taskMember(leader, "thread_node")));
                threads.getOrDefault(leader, List.of()).forEach(t -> group.add(taskMember(t, "thread_node")));
                ring(group);
            });
        }
    }

    private void ring(List<Long> nodes) {
        for (int i = 0; i < nodes.size(); i++) {
            long next = nodes.get((i + 1) % nodes.size());
            putPointer(nodes.get(i), next).putPointer(next + pointer, nodes.get(i));
        }
    }

    /** The wall clock where the profile has it, and one CPU's area. */
    private void clockAndPerCpu(long running) {
        if (!has("timekeeper", "wall_to_monotonic")) {
            long wall = symbol("wall_to_monotonic", 16);
            putPointer(wall, -BOOTED).putPointer(wall + pointer, 0);
            long now = symbol("xtime", 16);
            putPointer(now, BOOTED + UPTIME).putPointer(now + pointer, 123_456_789);
        }
        Long current = profile.symbols().containsKey("current_task") ? profile.symbols().get("current_task")
                : profile.symbols().get("per_cpu__current_task");
        if (profile.symbols().containsKey("__per_cpu_offset") && current != null
                && Long.compareUnsigned(current, 0x100000) < 0) {
            long area = allocate(0x20000, 4096);
            putPointer(symbol("__per_cpu_offset", 64L * pointer), area);
            putPointer(area + current, running);
        }
    }
}
