// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit.sched;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.LongPredicate;
import java.util.regex.Pattern;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelVersion;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Gap;
import org.xenhpt.api.process.Location;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskField;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.kit.Field;
import org.xenhpt.kit.Layouts;
import org.xenhpt.kit.ListHead;
import org.xenhpt.kit.PerCpu;

/**
 * Reads the tasks of a kernel that has {@code init_task.tasks}; the ways in which these kernels differ are members that are
 * there or not, members' names, or given by the decoder.
 */
public final class LinuxTaskReader implements TaskReader {
    /** PF_BORROWED_MM up to 2.6.26, of a kernel thread too. */
    private static final int PF_KTHREAD = 0x00200000;
    private static final int PF_EXITING = 0x4;
    /** INIT_TASK_COMM, and of kernels with the schedulers BFS, MuQSS, PDS and BMQ. */
    private static final Pattern IDLE = Pattern.compile("swapper|(BFS|MuQSS|PDS|BMQ)(/|$)");
    /** PID_MAX_LIMIT of a 64-bit kernel (include/linux/threads.h). */
    private static final int HIGHEST_PID = 4 * 1024 * 1024;
    /** In bytes; no kernel's task_struct is smaller. */
    private static final int LEAST_TASK_SIZE = 512;
    /** How often a list that changes while it is read is read again. */
    private static final int READINGS = 20;
    /** A guest that lies everywhere must not fill our memory with complaints. */
    private static final int MOST_GAPS = 50;

    private final Kernel kernel;
    private final AddressSpace space;
    private final boolean live;
    private final long mostTasks;
    private final StateLetters letters;
    private final CurrentTasks currentTasks;
    private final PerCpu perCpu;
    private final TaskNames names;
    private final BootTime bootTime;

    private final long initTask;
    private final Field tasks;
    private final Field pid;
    private final Field tgid;
    private final Optional<Field> state;
    private final Optional<Field> exitState;
    private final Field flags;
    private final Field realParent;
    private final Field signal;
    private final Threads threads;
    private final Optional<Field> threadCount;
    private final Optional<Field> start;
    private final boolean startIsTimespec;
    private final Optional<Field> runtime;
    private final Optional<Field> endedRuntime;
    private final Optional<Field> credentials;
    private final boolean ownCredentials;
    private final Optional<Field> uid;
    private final Optional<Field> gid;
    private final Optional<Field> mm;
    private final TaskLocator locator;
    /** How many tasks the reading before had: the next will have about as many. */
    private int lastCount;

    /** @throws HptException {@code BAD_PROFILE} when the profile lacks what cannot be done without, or is of another build */
    public LinuxTaskReader(Kernel kernel, AddressSpace space, CurrentTasks currentTasks) {
        this.kernel = kernel;
        this.space = space;
        this.live = space.memory().live();
        this.letters = StateLetters.of(kernel.identity().version());
        this.currentTasks = currentTasks;
        this.perCpu = new PerCpu(kernel, space);
        Layouts layouts = new Layouts(kernel);
        // More tasks than fit into the guest's RAM cannot be.
        long ram = space.memory().ranges().stream().mapToLong(MemoryRange::size).sum();
        this.mostTasks = Math.min(ram / Math.max(LEAST_TASK_SIZE, layouts.size("task_struct").orElse(0)), HIGHEST_PID);
        this.names = new TaskNames(layouts, space, kernel.identity().version());
        this.bootTime = new BootTime(kernel, layouts, space);
        this.initTask = kernel.symbol("init_task");
        this.tasks = layouts.get("task_struct", "tasks");
        this.pid = layouts.get("task_struct", "pid");
        this.tgid = layouts.get("task_struct", "tgid");
        // Renamed in 5.14 (commit 2f064a59a11f).
        this.state = layouts.find("task_struct", "__state").or(() -> layouts.find("task_struct", "state"));
        this.exitState = layouts.find("task_struct", "exit_state");
        this.flags = layouts.get("task_struct", "flags");
        // Kernels with utrace, as Red Hat's 2.6.18, have the real one as their only parent.
        this.realParent = layouts.get("task_struct", "real_parent", "parent");
        this.signal = layouts.get("task_struct", "signal");
        this.threads = Threads.of(layouts, space);
        this.threadCount = layouts.find("signal_struct", "nr_threads");
        // Renamed in 5.5 (commit cf25e24db61c).
        KernelVersion version = kernel.identity().version();
        boolean old = version.major() > 0;
        // /proc shows start_time up to 2.6.22 (commit 924b42d5a2db).
        String started = layouts.find("task_struct", "start_boottime").isPresent() ? "start_boottime"
                : old && !version.atLeast(2, 6, 23) ? "start_time" : "real_start_time";
        this.start = layouts.find("task_struct", started);
        // A struct timespec up to 3.16 (commit ccbf62d8a284).
        this.startIsTimespec = kernel.profile().member("task_struct", started)
                .filter(member -> member.type().equals("struct timespec")).isPresent();
        // Before the fair scheduler of 2.6.23 (commit 41b86e9c510e), sched_time.
        this.runtime = layouts.find("task_struct", "se.sum_exec_runtime")
                .or(() -> layouts.find("task_struct", "sched_time"));
        this.endedRuntime = layouts.find("signal_struct", "sum_sched_runtime")
                .or(() -> layouts.find("signal_struct", "sched_time"));
        this.credentials = layouts.find("task_struct", "real_cred");
        // They were the task's own members up to 2.6.28 (commit b6dff3ec5e11).
        this.ownCredentials = credentials.isEmpty() && layouts.find("task_struct", "euid").isPresent();
        this.uid = layouts.find(ownCredentials ? "task_struct" : "cred", "euid");
        this.gid = layouts.find(ownCredentials ? "task_struct" : "cred", "egid");
        // Up to 2.6.26 no flag says what is a kernel thread (commit 7b34e4283c68), and its later value meant otherwise.
        this.mm = old && !version.atLeast(2, 6, 27) ? layouts.find("task_struct", "mm") : Optional.empty();
        this.locator = new TaskLocator(kernel, space, perCpu, currentTasks, initTask);
        checkInitTask();
    }

    /** What this reader wants of a profile. */
    public static Needs needs() {
        TreeSet<String> symbols = new TreeSet<>(List.of("init_task"));
        symbols.addAll(PerCpu.symbols());
        symbols.addAll(BootTime.symbols());
        TreeSet<String> members = new TreeSet<>(List.of("task_struct.tasks", "task_struct.pid", "task_struct.tgid",
                "task_struct.__state", "task_struct.state", "task_struct.exit_state", "task_struct.flags",
                "task_struct.real_parent", "task_struct.parent", "task_struct.signal", "signal_struct.thread_head",
                "task_struct.thread_node",
                "signal_struct.nr_threads", "task_struct.start_boottime", "task_struct.real_start_time",
                "task_struct.se", "sched_entity.sum_exec_runtime", "signal_struct.sum_sched_runtime",
                "task_struct.real_cred", "cred.euid", "cred.egid", "task_struct.euid", "task_struct.egid",
                "task_struct.thread_group", "task_struct.start_time", "task_struct.sched_time",
                "signal_struct.sched_time", "task_struct.mm"));
        symbols.addAll(TaskLocator.symbols());
        members.addAll(TaskLocator.members());
        members.addAll(TaskNames.needs());
        members.addAll(BootTime.members());
        return new Needs(symbols, members);
    }

    private void checkInitTask() {
        String found;
        try {
            String name = names.comm(initTask);
            int number = pid.signed(space, initTask);
            if (number == 0 && IDLE.matcher(name).lookingAt()) {
                return;
            }
            found = "pid " + number + " and the name \"" + name + "\"";
        } catch (MemoryFault fault) {
            found = fault.detail();
        }
        throw new HptException(Step.DECODER, Reason.BAD_PROFILE, kernel.profile().name(), "init_task at GVA 0x"
                + Long.toHexString(initTask) + " is not the idle task of pid 0, swapper: " + found)
                .next("the profile is of another kernel build; make one with: hpt profile make");
    }

    @Override
    public ProcessTable read(TaskQuery query) {
        Reading best = null;
        for (int number = 1; number <= (live ? READINGS : 1); number++) {
            space.refresh();
            Reading reading = new Reading(query);
            reading.run();
            // A task that ends while it is read has no credentials and no parent any more (exit_creds()).
            if (reading.whole && (reading.gaps.isEmpty() || !live)) {
                return reading.table(number);
            }
            if (best == null || reading.isBetterThan(best)) {
                best = reading;
            }
        }
        best.fromTheOtherEnd();
        return best.table(live ? READINGS : 1);
    }

    /** One walk over the list of processes. */
    private final class Reading {
        private final boolean allThreads;
        private final boolean wantsState;
        private final boolean wantsParent;
        private final boolean wantsIds;
        private final boolean wantsStart;
        private final boolean wantsCpu;
        private final boolean wantsName;
        private final List<Task> rows = new ArrayList<>(lastCount + 16);
        private final List<Gap> gaps = new ArrayList<>();
        private boolean whole = true;
        private long lastTask;
        private long cpuOfProcess;

        Reading(TaskQuery query) {
            names.begin();
            allThreads = query.threads();
            wantsState = query.fields().contains(TaskField.STATE);
            wantsParent = query.fields().contains(TaskField.PPID);
            wantsIds = query.fields().contains(TaskField.UID) || query.fields().contains(TaskField.GID);
            wantsStart = query.fields().contains(TaskField.START);
            wantsCpu = query.fields().contains(TaskField.CPU_TIME);
            wantsName = query.fields().contains(TaskField.NAME);
        }

        boolean isBetterThan(Reading other) {
            if (whole != other.whole) {
                return whole;
            }
            return whole ? gaps.size() < other.gaps.size() : rows.size() > other.rows.size();
        }

        void run() {
            ListHead.End end = walkProcesses(ListHead.Direction.FORWARD, this::process);
            if (end != ListHead.End.CLOSED) {
                whole = false;
                gap(lastTask == 0 ? "all tasks" : "tasks after pid " + numberOf(lastTask), "the list of tasks "
                        + describe(end));
            }
        }

        /** After a broken link, the tasks behind it can still be reached backwards. */
        void fromTheOtherEnd() {
            if (whole || rows.isEmpty()) {
                return;
            }
            long stop = lastTask;
            List<Task> forward = new ArrayList<>(rows);
            rows.clear();
            ListHead.End end = walkProcesses(ListHead.Direction.BACKWARD, task -> task != stop && process(task));
            if (end == ListHead.End.CLOSED) {
                // Both ways end at the head, and yet forward is broken: this way saw what there is.
                forward.clear();
            }
            // Threads follow their process; what was read backwards has the processes in the other order.
            List<Task> backward = new ArrayList<>();
            int last = rows.size();
            for (int i = rows.size() - 1; i >= 0; i--) {
                if (rows.get(i).isProcess()) {
                    backward.addAll(rows.subList(i, last));
                    last = i;
                }
            }
            rows.clear();
            rows.addAll(forward);
            rows.addAll(backward);
        }

        private ListHead.End walkProcesses(ListHead.Direction direction, LongPredicate visit) {
            int member = tasks.offset();
            return ListHead.walk(space, tasks.address(initTask), direction, mostTasks,
                    node -> visit.test(address(node - member)));
        }

        private boolean process(long task) {
            try {
                int number = pid.signed(space, task);
                if (number <= 0 || number > HIGHEST_PID) {
                    gap("tasks after pid " + numberOf(lastTask), "a task of pid " + number);
                    whole = false;
                    return false;
                }
                long group = allThreads || wantsCpu ? signal.pointer(space, task) : 0;
                if (allThreads) {
                    row(task, number, number, Task.UNKNOWN, true);
                    otherThreads(task, number, group);
                } else {
                    row(task, number, number, wantsCpu ? processTime(task, group) : Task.UNKNOWN, false);
                }
                lastTask = task;
                return true;
            } catch (MemoryFault fault) {
                gap("a task after pid " + numberOf(lastTask), fault.detail());
                whole = false;
                return true;
            }
        }

        private void otherThreads(long leader, int process, long group) {
            int before = rows.size();
            ListHead.End end = threads.walk(leader, group, mostTasks, thread -> {
                if (thread == leader) {
                    return true;
                }
                int number = pid.signed(space, thread);
                if (number <= 0 || number > HIGHEST_PID || tgid.signed(space, thread) != process) {
                    return false;
                }
                row(thread, number, process, Task.UNKNOWN, true);
                return rows.size() - before < mostTasks;
            });
            if (end != ListHead.End.CLOSED) {
                whole = false;
                gap("threads of pid " + process, "the list of threads " + describe(end));
            }
        }

        private long processTime(long leader, long group) {
            if (runtime.isEmpty() || group == 0) {
                return Task.UNKNOWN;
            }
            try {
                long ended = endedRuntime.isPresent() ? space.readLong(endedRuntime.get().address(group)) : 0;
                if (threadCount.isPresent() && threadCount.get().signed(space, group) == 1) {
                    return ended + space.readLong(runtime.get().address(leader));
                }
                cpuOfProcess = ended;
                ListHead.End end = threads.walk(leader, group, mostTasks, thread -> {
                    cpuOfProcess += space.readLong(runtime.get().address(thread));
                    return true;
                });
                return end == ListHead.End.CLOSED ? cpuOfProcess : Task.UNKNOWN;
            } catch (MemoryFault fault) {
                return Task.UNKNOWN;
            }
        }

        private void row(long task, int number, int process, long cpuOfGroup, boolean oneThread) {
            int taskFlags = flags.signed(space, task);
            boolean kernelThread = isKernelThread(task, taskFlags);
            // Without exit_state, an ended task could not be told from a running one.
            char letter = wantsState && state.isPresent() && exitState.isPresent()
                    ? letters.letter(state.get().unsigned(space, task), exitState.get().signed(space, task)) : '?';
            long cpu = oneThread && wantsCpu && runtime.isPresent()
                    ? space.readLong(runtime.get().address(task)) : cpuOfGroup;
            long started = wantsStart && start.isPresent() ? startNanos(task) : Task.UNKNOWN;
            String name = wantsName ? names.of(task, taskFlags, kernelThread) : "";
            long user = Task.UNKNOWN;
            long userGroup = Task.UNKNOWN;
            if (wantsIds && (ownCredentials || credentials.isPresent()) && uid.isPresent() && gid.isPresent()) {
                try {
                    long cred = ownCredentials ? task : credentials.get().pointer(space, task);
                    user = uid.get().unsigned(space, cred);
                    userGroup = gid.get().unsigned(space, cred);
                } catch (MemoryFault fault) {
                    gap("uid of pid " + number, fault.detail());
                }
            }
            int parent = (int) Task.UNKNOWN;
            if (wantsParent) {
                try {
                    parent = tgid.signed(space, realParent.pointer(space, task));
                } catch (MemoryFault fault) {
                    gap("parent of pid " + number, fault.detail());
                }
            }
            rows.add(new Task(task, number, process, parent, letter, user, userGroup, started, cpu,
                    name, kernelThread));
        }

        private boolean isKernelThread(long task, int taskFlags) {
            // One that works for a process for a while (PF_BORROWED_MM) has its memory then. Where mm is asked, the flag's
            // value was PF_SYNCWRITE's.
            return mm.isEmpty() ? (taskFlags & PF_KTHREAD) != 0
                    : mm.get().pointer(space, task) == 0 && (taskFlags & PF_EXITING) == 0;
        }

        private long startNanos(long task) {
            if (!startIsTimespec) {
                return start.get().unsigned(space, task);
            }
            long at = start.get().address(task);
            return space.readPointer(at) * 1_000_000_000L + space.readPointer(at + space.pointerSize());
        }

        private String numberOf(long task) {
            try {
                return task == 0 ? "0" : Integer.toString(pid.signed(space, task));
            } catch (MemoryFault fault) {
                return "?";
            }
        }

        private void gap(String where, String why) {
            if (gaps.size() < MOST_GAPS) {
                gaps.add(new Gap(where, why));
            } else if (gaps.size() == MOST_GAPS) {
                gaps.add(new Gap("more", "and further ones, not listed"));
            }
        }

        private static String describe(ListHead.End end) {
            return switch (end) {
                case BROKEN -> "has a node that does not lead back";
                case UNREADABLE -> "leads to an address that cannot be read";
                case TOO_LONG -> "does not end";
                case STOPPED -> "leads to what is not a task";
                case CLOSED -> "is whole";
            };
        }

        ProcessTable table(int readings) {
            lastCount = rows.size();
            return new ProcessTable(rows, gaps, readings, wantsStart ? bootTime.epochNanos() : Task.UNKNOWN);
        }
    }

    private long address(long gva) {
        return space.pointerSize() == 4 ? gva & 0xffffffffL : gva;
    }

    @Override
    public List<CurrentTask> current(List<VcpuRegisters> registers) {
        space.refresh();
        List<CurrentTask> found = new ArrayList<>();
        if (registers.isEmpty()) {
            String how = "memory: " + currentTasks.description();
            for (int cpu : perCpu.online()) {
                CurrentTask current = currentTask(cpu, currentTasks.base(perCpu, cpu), how, false);
                // A CPU that was never started has the value that the variable began with.
                if (cpu == 0 || perCpu.knowsOnline() || current.task().address() != initTask) {
                    found.add(current);
                }
            }
            return found;
        }
        for (VcpuRegisters vcpu : registers) {
            found.add(currentTasks.known() ? currentTask(vcpu.vcpu(), base(vcpu), "registers: " + baseName(vcpu) + " + "
                    + currentTasks.description(), true) : located(vcpu));
        }
        return Collections.unmodifiableList(found);
    }

    private String baseName(VcpuRegisters vcpu) {
        return space.pointerSize() == 8 ? "GS base" : locator.base(vcpu).isPresent() ? "FS base" : "the vCPU's number";
    }

    /** Where no per-CPU variable is known that tells the task, its stack does. */
    private CurrentTask located(VcpuRegisters vcpu) {
        Location location = locate(vcpu);
        long task = location.task().address();
        return new CurrentTask(vcpu.vcpu(), location.task(), space.translate(task), space.machineAddress(task),
                "registers: " + location.verdict(), true);
    }

    /** Where a vCPU has its own data: its segment base, if that is some CPU's or, on x86-64, in the kernel. */
    private long base(VcpuRegisters vcpu) {
        // A kernel for one CPU has it as any other variable of its image.
        if (!perCpu.hasCopies() && Long.compareUnsigned(address(currentTasks.pointerAddress(0)),
                kernel.identity().architecture().lowestImageAddress()) >= 0) {
            return 0;
        }
        OptionalLong known = locator.base(vcpu);
        if (known.isPresent()) {
            return known.getAsLong();
        }
        // In user mode the kernel's GS base is the other one of the pair that SWAPGS exchanges.
        for (Register register : List.of(Register.GS_BASE, Register.KERNEL_GS_BASE)) {
            OptionalLong base = vcpu.get(register);
            if (space.pointerSize() == 8 && base.isPresent() && base.getAsLong() < 0) {
                return base.getAsLong();
            }
        }
        if (space.pointerSize() == 4 && perCpu.online().contains(vcpu.vcpu())) {
            // In user mode FS is the program's, and the kernel's is nowhere in the registers.
            return currentTasks.base(perCpu, vcpu.vcpu());
        }
        throw new HptException(Step.DECODER, Reason.UNREADABLE_GUEST, "vCPU " + vcpu.vcpu(),
                "neither GS base is an address in the kernel")
                .next("leave out --registers: memory alone tells the running task too");
    }

    @Override
    public Location locate(VcpuRegisters registers) {
        space.refresh();
        return locator.locate(registers, new TaskLocator.Tasks() {
            @Override
            public Task read(long gva) {
                return task(gva);
            }

            @Override
            public List<Long> all() {
                Reading reading = new Reading(new TaskQuery(true, Set.of()));
                reading.run();
                List<Long> all = new ArrayList<>(List.of(initTask));
                reading.rows.forEach(task -> all.add(task.address()));
                return all;
            }
        });
    }

    private Task task(long task) {
        Reading reading = new Reading(TaskQuery.THREADS);
        reading.row(task, pid.signed(space, task), tgid.signed(space, task), Task.UNKNOWN, true);
        return reading.rows.get(0);
    }

    private CurrentTask currentTask(int cpu, long perCpuOffset, String how, boolean fromRegisters) {
        long task = space.readPointer(address(currentTasks.pointerAddress(perCpuOffset)));
        return new CurrentTask(cpu, task(task), space.translate(task), space.machineAddress(task), how,
                fromRegisters);
    }
}
