// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit.sched;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelVersion;
import org.xenhpt.api.process.Location;
import org.xenhpt.api.process.Location.Agreement;
import org.xenhpt.api.process.Location.Mode;
import org.xenhpt.api.process.LocationStep;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.kit.Field;
import org.xenhpt.kit.Layouts;
import org.xenhpt.kit.Pda;
import org.xenhpt.kit.PerCpu;

/**
 * Goes from a vCPU to its task and from the task back to its stack.
 *
 * <p>Up to 4.8 the kernel does so itself: {@code thread_info} lies at the bottom of the stack and points to the task, and
 * the task's {@code stack} points to {@code thread_info}. Where rsp is not on a task's stack, in user mode or in an
 * interrupt, the way begins at the top of that stack, which the CPU finds in the TSS, or at the per-CPU variables
 * {@code current_task} and {@code kernel_stack}.
 *
 * <p>Since 4.9 (commit 15f4eae70d36) the stack holds no pointer: the way begins at the per-CPU current task, and what leads
 * back is that its stack holds rsp, or the top of the stack that the kernel keeps for the CPU.
 */
final class TaskLocator {
    /** RSP0 and RSP1, or ESP0 and ESP1, in the TSS (Intel SDM volume 3A, figures 8-2 and 8-11). */
    private static final int SP0 = 4;
    private static final int SP1 = 12;
    /** STACK_END_MAGIC (include/uapi/linux/magic.h). */
    private static final int END_OF_STACK = 0x57AC6E9D;
    /** IRQ_STACK_SIZE of x86-64; i386 uses THREAD_SIZE. */
    private static final int IRQ_STACK = 16 << 10;
    private static final int KIB = 1024;
    private static final int PAGE = 4096;
    /** What a kernel with KASAN doubles x86-64's 16 KiB to; THREAD_SIZE_ORDER may be 4 then. */
    private static final int LARGEST_STACK = 64 << 10;

    /** No thread_info is shorter. In bytes. */
    private static final int THREAD_INFO = 32;

    private final Kernel kernel;
    private final AddressSpace space;
    private final PerCpu perCpu;
    private final CurrentTasks currentTasks;
    private final Optional<Field> infoTask;
    private final Optional<Field> stack;
    private final int stackSize;
    private final OptionalLong tss;
    private final OptionalLong kernelStack;
    private final OptionalLong topOfStack;
    private final OptionalLong irqStack;
    private final Optional<Pda> pda;

    /** @param initTask GVA of {@code init_task} */
    TaskLocator(Kernel kernel, AddressSpace space, PerCpu perCpu, CurrentTasks currentTasks, long initTask) {
        this.kernel = kernel;
        this.space = space;
        this.perCpu = perCpu;
        this.currentTasks = currentTasks;
        Layouts layouts = new Layouts(kernel);
        // Renamed in 2.6.22 (commit f7e4217b007d). Since 4.9 thread_info is a structure inside the task, not a pointer.
        this.stack = layouts.find("task_struct", "stack").or(() -> layouts.find("task_struct", "thread_info")
                .filter(pointer -> pointer.size() == space.pointerSize()));
        this.infoTask = layouts.find("thread_info", "task").or(() -> infoTask(initTask));
        this.stackSize = layouts.find("thread_union", "stack").map(Field::size).filter(TaskLocator::isStackSize).orElse(0);
        // cpu_tss since 4.2 (commit 24933b82c0d9), cpu_tss_rw since 4.15 (commit c482feefe1ae).
        OptionalLong init = PerCpu.variable(kernel, "init_tss");
        this.tss = init.isPresent() ? init : PerCpu.first(kernel, "cpu_tss", "cpu_tss_rw");
        this.kernelStack = PerCpu.variable(kernel, "kernel_stack");
        this.topOfStack = variable(layouts, "cpu_current_top_of_stack", "top_of_stack");
        this.irqStack = variable(layouts, "hardirq_stack_ptr", "hardirq_stack_ptr");
        this.pda = currentTasks.keptInPda() ? Pda.of(kernel, space) : Optional.empty();
    }

    /** A per-CPU variable; from 6.2 to 6.14 it is a member of pcpu_hot. Up to 5.1 hardirq_stack_ptr is irq_stack_ptr. */
    private OptionalLong variable(Layouts layouts, String name, String member) {
        Optional<Field> hot = layouts.find("pcpu_hot", member);
        OptionalLong structure = kernel.findSymbol("pcpu_hot");
        if (hot.isPresent() && structure.isPresent()) {
            return OptionalLong.of(hot.get().address(structure.getAsLong()));
        }
        OptionalLong found = kernel.findSymbol(name);
        return found.isPresent() || !name.equals("hardirq_stack_ptr") ? found : PerCpu.variable(kernel, "irq_stack_ptr");
    }

    /**
     * Many published layouts lack thread_info, of which modules see little. Where in it the task is, init_task's own stack
     * tells: what leads back to init_task from there.
     */
    private Optional<Field> infoTask(long initTask) {
        KernelVersion version = kernel.identity().version();
        if (stack.isEmpty() || version.atLeast(4, 9) || version.major() == 0) {
            return Optional.empty();
        }
        OptionalLong bottom = pointer(stack.get().address(initTask));
        int size = space.pointerSize();
        for (int offset = 0; bottom.isPresent() && offset < THREAD_INFO; offset += size) {
            OptionalLong word = pointer(bottom.getAsLong() + offset);
            if (word.isPresent() && word.getAsLong() == initTask) {
                return Optional.of(new Field(offset, size));
            }
        }
        return Optional.empty();
    }

    private static boolean isStackSize(int size) {
        return size >= PAGE && size <= LARGEST_STACK && Integer.bitCount(size) == 1;
    }

    static List<String> symbols() {
        return List.of("init_tss", "per_cpu__init_tss", "cpu_tss", "cpu_tss_rw", "kernel_stack", "per_cpu__kernel_stack",
                "cpu_current_top_of_stack", "hardirq_stack_ptr", "irq_stack_ptr", "per_cpu__irq_stack_ptr");
    }

    static List<String> members() {
        return List.of("thread_info.task", "task_struct.stack", "task_struct.thread_info", "thread_union.stack",
                "pcpu_hot.top_of_stack", "pcpu_hot.hardirq_stack_ptr");
    }

    /** The tasks of the guest. */
    interface Tasks {
        /** The task at a GVA. */
        Task read(long gva);

        /** GVAs of init_task and of all tasks on the list, threads among them. */
        List<Long> all();
    }

    Location locate(VcpuRegisters registers, Tasks tasks) {
        if (stack.isEmpty()) {
            throw new HptException(Step.DECODER, Reason.BAD_PROFILE, kernel.profile().name(), "the profile ("
                    + kernel.profile().origin().source() + ") does not tell where a task keeps its stack"
                    + " (task_struct.stack)").next("make the profile anew with: hpt profile make");
        }
        Way way = new Way(registers, tasks);
        if (infoTask.isEmpty() && kernel.identity().version().major() > 0 && !kernel.identity().version().atLeast(4, 9)) {
            throw new HptException(Step.DECODER, Reason.BAD_PROFILE, kernel.profile().name(), "init_task's stack does not"
                    + " lead back to init_task, and the profile has no thread_info.task")
                    .next("the profile is of another kernel build; make one with: hpt profile make");
        }
        return infoTask.isPresent() ? way.throughThreadInfo(infoTask.get()) : way.throughCurrentTask();
    }

    /** Where the CPU that a vCPU is keeps its own data; empty when none of its bases is some CPU's. */
    OptionalLong base(VcpuRegisters registers) {
        boolean user = (registers.get(Register.CS).orElse(0) & 3) == 3;
        Optional<Cpu> cpu = cpuByBase(registers, user ? Mode.USER : Mode.KERNEL, perCpu.online());
        return cpu.isPresent() ? OptionalLong.of(cpu.get().base()) : OptionalLong.empty();
    }

    private Optional<Cpu> cpuByBase(VcpuRegisters registers, Mode mode, List<Integer> online) {
        List<Register> order = space.pointerSize() == 4 ? List.of(Register.FS_BASE)
                : mode == Mode.USER ? List.of(Register.KERNEL_GS_BASE, Register.GS_BASE)
                : List.of(Register.GS_BASE, Register.KERNEL_GS_BASE);
        for (Register register : order) {
            long base = gva(registers.get(register).orElse(0));
            for (int number : online) {
                if (base != 0 && base == gva(currentTasks.base(perCpu, number))) {
                    return Optional.of(new Cpu(number, base, "CPU " + number + ", by the "
                            + (register == Register.FS_BASE ? "FS" : "GS") + " base"));
                }
            }
        }
        return Optional.empty();
    }

    /** From a stack's thread_info to a task, whose stack it is. */
    private record Circle(int size, long threadInfo, long task, long stack) {
    }

    /** A CPU's own data. */
    private record Cpu(int number, long base, String how) {
    }

    /** The way of one vCPU. */
    private final class Way {
        private final VcpuRegisters registers;
        private final Tasks tasks;
        private final List<LocationStep> steps = new ArrayList<>();
        private final String pointerName = space.pointerSize() == 8 ? "rsp" : "esp";
        private final OptionalLong rsp;
        private final Mode mode;
        private Optional<Cpu> cpu = Optional.empty();

        Way(VcpuRegisters registers, Tasks tasks) {
            this.registers = registers;
            this.tasks = tasks;
            OptionalLong value = registers.get(Register.RSP);
            this.rsp = value.isPresent() ? OptionalLong.of(gva(value.getAsLong())) : value;
            this.mode = mode();
            if (rsp.isPresent()) {
                step(pointerName, rsp.getAsLong(), "register " + pointerName.toUpperCase(Locale.ROOT) + ", "
                        + (mode == Mode.USER ? "in user mode" : "in kernel mode"));
            }
        }

        private Mode mode() {
            OptionalLong cs = registers.get(Register.CS);
            if (rsp.isEmpty()) {
                return Mode.UNKNOWN;
            }
            // The CPL is in the lowest bits of CS (SDM volume 3A, 5.5).
            boolean user = cs.isPresent() ? (cs.getAsLong() & 3) == 3
                    : Long.compareUnsigned(rsp.getAsLong(), kernel.identity().architecture().lowestImageAddress()) < 0
                            && (space.pointerSize() == 4 || rsp.getAsLong() >= 0);
            return user ? Mode.USER : Mode.KERNEL;
        }

        Location throughThreadInfo(Field task) {
            String notAtRsp = whereRspIs();
            if (mode == Mode.KERNEL) {
                Optional<Circle> circle = circle(task, rsp.getAsLong());
                if (circle.isPresent()) {
                    return closed(circle.get(), pointerName, "");
                }
                notAtRsp = pointerName + " is on no task's stack, but on " + otherStack(rsp.getAsLong());
            }
            OptionalLong state = tss();
            if (state.isPresent()) {
                OptionalLong sp0 = pointer(state.getAsLong() + SP0);
                Optional<Circle> circle = sp0.isEmpty() ? Optional.empty() : circle(task, sp0.getAsLong() - 1);
                if (circle.isPresent()) {
                    step("TSS", state.getAsLong(), registers.get(Register.TR_BASE).isPresent() ? "register TR"
                            : "per-CPU init_tss of " + cpu().how());
                    step("stack top", sp0.getAsLong(), "sp0 in the TSS");
                    return closed(circle.get(), "(sp0 - 1)", notAtRsp + "; found by the TSS's sp0; ");
                }
            }
            OptionalLong top = kernelStackTop();
            Optional<Circle> byTop = top.isEmpty() ? Optional.empty() : circle(task, top.getAsLong() - 1);
            return throughPerCpu(task, notAtRsp, top, byTop);
        }

        /** Neither rsp nor the TSS leads to a task: what is left is what the kernel says of itself. */
        private Location throughPerCpu(Field infoTask, String notAtRsp, OptionalLong top, Optional<Circle> byTop) {
            if (!currentTasks.known() && byTop.isPresent()) {
                step("stack top", top.getAsLong(), "per-CPU kernel_stack of " + cpu().how());
                return closed(byTop.get(), "(kernel_stack - 1)", notAtRsp + "; found by the per-CPU kernel_stack; ");
            }
            long current = currentTask();
            long bottom = stack.orElseThrow().pointer(space, current);
            step("stack", bottom, "task_struct.stack");
            long back = pointer(infoTask.address(bottom)).orElse(0);
            step("task_struct", back, "thread_info.task, at the stack's bottom");
            boolean agrees = back == current;
            return location(current, agrees ? Agreement.AGREE : Agreement.DISAGREE, notAtRsp + "; found by the "
                    + currentTasks.description() + "; " + (agrees ? "both directions agree: thread_info.task is the task again"
                    : "the directions do not agree: thread_info.task is another than the task whose stack it is on"));
        }

        private Location closed(Circle circle, String from, String before) {
            step("thread_info", circle.threadInfo(), from + " & ~(" + circle.size() / KIB + " KiB - 1)");
            step("task_struct", circle.task(), "thread_info.task");
            step("stack", circle.stack(), "task_struct.stack");
            return location(circle.task(), Agreement.AGREE, before
                    + "both directions agree: the task's stack begins with the thread_info that leads to the task");
        }

        private long currentTask() {
            if (!currentTasks.known()) {
                // Says what is missing.
                currentTasks.pointerAddress(0);
            }
            long at = gva(currentTasks.pointerAddress(cpu().base()));
            step("current", at, currentTasks.description() + " of " + cpu().how());
            long task = space.readPointer(at);
            step("task_struct", task, currentTasks.description());
            return task;
        }

        /**
         * The task on whose stack an address is: where nothing tells the running one, as in an inferred profile. The idle
         * tasks of all CPUs but the first are on no list.
         */
        private long taskByStack() {
            List<Long> all = tasks.all();
            List<Long> inside = new ArrayList<>();
            if (mode == Mode.KERNEL) {
                inside.add(rsp.getAsLong());
            }
            tss().ifPresent(state -> List.of(SP0, SP1).forEach(at ->
                    pointer(state + at).ifPresent(top -> inside.add(top - 1))));
            for (long address : inside) {
                OptionalLong task = holder(address, all);
                if (task.isPresent()) {
                    step("task_struct", task.getAsLong(), "of " + all.size() + " tasks the one whose stack holds "
                            + (mode == Mode.KERNEL && address == rsp.getAsLong() ? pointerName : "the stack's top"));
                    return task.getAsLong();
                }
            }
            return currentTask();
        }

        /** The task on whose stack an address is. */
        private OptionalLong holder(long address, List<Long> all) {
            return all.stream().filter(task -> {
                OptionalLong bottom = pointer(stack.orElseThrow().address(task));
                return bottom.isPresent() && bottom.getAsLong() != 0
                        && Long.compareUnsigned(address - bottom.getAsLong(), expectedSize()) < 0;
            }).mapToLong(Long::longValue).findFirst();
        }

        Location throughCurrentTask() {
            boolean searched = !currentTasks.known();
            long task = searched ? taskByStack() : currentTask();
            long bottom = stack.orElseThrow().pointer(space, task);
            boolean marked = pointerIsReadable(bottom) && space.readInt(bottom) == END_OF_STACK;
            step("stack", bottom, "task_struct.stack" + (marked ? "; begins with the end-of-stack mark" : ""));
            OptionalLong top = topOfStack(bottom);
            int size = top.isPresent() ? (int) (top.getAsLong() - bottom + PAGE - 1) & -PAGE : expectedSize();
            String whole = "the task's stack, " + size / KIB + " KiB from 0x" + Long.toHexString(bottom) + ",";
            if (mode == Mode.KERNEL && inside(rsp.getAsLong(), bottom, size)) {
                boolean both = !searched || top.isPresent();
                return location(task, both ? Agreement.AGREE : Agreement.ONE_WAY, (both ? "both directions agree: " : "")
                        + whole + " holds " + pointerName + (both ? "" : "; nothing else that is known tells the task"));
            }
            // The top that the kernel keeps is the current task's whatever rsp is: that of an interrupt, or of a task which
            // ran when the registers were read and runs no more.
            OptionalLong other = mode == Mode.KERNEL ? holder(rsp.getAsLong(), tasks.all()) : OptionalLong.empty();
            if (other.isPresent()) {
                return location(task, Agreement.DISAGREE, "the directions do not agree: " + pointerName
                        + " is on the stack of task " + tasks.read(other.getAsLong()).pid() + ", and " + whole
                        + " does not hold it");
            }
            String where = mode == Mode.KERNEL ? pointerName + " is not on the task's stack, but on "
                    + otherStack(rsp.getAsLong()) : whereRspIs();
            if (top.isPresent()) {
                return location(task, Agreement.AGREE, where + "; both directions agree: " + whole
                        + " ends at the top of the stack that the kernel keeps for the CPU");
            }
            if (mode == Mode.KERNEL && !onInterruptStack(rsp.getAsLong())) {
                return location(task, Agreement.DISAGREE, where + "; the directions do not agree: " + whole
                        + " does not hold it");
            }
            return location(task, Agreement.ONE_WAY, where + "; nothing that is known leads from the stack back to the task");
        }

        /** The top of the stack that the CPU enters the kernel with, if it is in the stack that begins there. */
        private OptionalLong topOfStack(long bottom) {
            List<OptionalLong> tops = new ArrayList<>();
            List<String> how = new ArrayList<>();
            if (topOfStack.isPresent()) {
                tops.add(pointer(perCpu.address(cpu().number(), topOfStack.getAsLong())));
                how.add("per-CPU top of the stack");
            }
            OptionalLong state = tss();
            if (state.isPresent()) {
                // Since 4.15 sp0 is that of the entry code, and sp1 the task's, on x86-64 until 5.15 (commits 7f2590a110b8,
                // 1591584e2e76).
                tops.add(pointer(state.getAsLong() + SP0));
                how.add("sp0 in the TSS");
                tops.add(pointer(state.getAsLong() + SP1));
                how.add("sp1 in the TSS");
            }
            for (int i = 0; i < tops.size(); i++) {
                OptionalLong top = tops.get(i);
                if (top.isPresent() && top.getAsLong() != bottom && inside(top.getAsLong(), bottom,
                        stackSize > 0 ? stackSize : LARGEST_STACK)) {
                    step("stack top", top.getAsLong(), how.get(i));
                    return top;
                }
            }
            return OptionalLong.empty();
        }

        /** Whether an address is in a stack; an empty one has rsp at its end. */
        private boolean inside(long gva, long bottom, int size) {
            return Long.compareUnsigned(gva - bottom, size) <= 0;
        }

        private int expectedSize() {
            return stackSize > 0 ? stackSize : sizes().get(1);
        }

        private String whereRspIs() {
            return mode == Mode.USER ? "vCPU is in user mode: " + pointerName + " is the user's"
                    : "there are no registers, but memory alone";
        }

        private String otherStack(long gva) {
            return onInterruptStack(gva) ? "the CPU's interrupt stack"
                    : "another one (an interrupt's, an exception's or that of entering the kernel)";
        }

        private boolean onInterruptStack(long gva) {
            if (irqStack.isEmpty()) {
                return false;
            }
            OptionalLong pointer = pointer(perCpu.address(cpu().number(), irqStack.getAsLong()));
            // x86-64 keeps the top of that stack, less 64 bytes up to 5.1; i386 its bottom.
            long bottom = pointer.orElse(0) - (space.pointerSize() == 8 ? IRQ_STACK : 0);
            return pointer.isPresent() && inside(gva, bottom, space.pointerSize() == 8 ? IRQ_STACK + 64 : expectedSize());
        }

        private OptionalLong tss() {
            OptionalLong base = registers.get(Register.TR_BASE);
            if (base.isPresent() && base.getAsLong() != 0) {
                return OptionalLong.of(gva(base.getAsLong()));
            }
            return tss.isPresent() ? OptionalLong.of(perCpu.address(cpu().number(), tss.getAsLong())) : tss;
        }

        private OptionalLong kernelStackTop() {
            if (pda.isPresent()) {
                return pointer(pda.get().stackPointer(cpu().base()));
            }
            return kernelStack.isPresent() ? pointer(perCpu.address(cpu().number(), kernelStack.getAsLong())) : kernelStack;
        }

        /**
         * The CPU that the vCPU is, told by the base of its own data. A user's program may set its own GS base to anything,
         * so that only one that is some CPU's is believed.
         */
        private Cpu cpu() {
            if (cpu.isPresent()) {
                return cpu.get();
            }
            List<Integer> online = perCpu.online();
            Optional<Cpu> byBase = cpuByBase(registers, mode, online);
            if (byBase.isPresent()) {
                return remember(byBase.get());
            }
            int number = registers.vcpu();
            if (!online.contains(number)) {
                throw new HptException(Step.DECODER, Reason.USAGE, "vCPU " + number, "the kernel has no such CPU on line")
                        .next("its CPUs are " + online.toString().replaceAll("[\\[\\]]", ""));
            }
            return remember(new Cpu(number, currentTasks.base(perCpu, number), "CPU " + number + ", by the vCPU's number"));
        }

        private Cpu remember(Cpu found) {
            cpu = Optional.of(found);
            return found;
        }

        private void step(String name, long gva, String how) {
            long gpa = space.find(gva);
            boolean mapped = gpa != AddressSpace.UNMAPPED;
            steps.add(new LocationStep(name, gva, mapped ? gpa : Task.UNKNOWN, mapped ? space.machineAddress(gva) : 0, how));
        }

        private Location location(long task, Agreement agreement, String verdict) {
            return new Location(registers.vcpu(), mode, tasks.read(task), steps, agreement, verdict, rsp.isPresent());
        }
    }

    /**
     * From an address on a stack to the task and back. The smallest size that closes the circle is right: a larger one could
     * close it by the stack that lies before. Empty where the address is on no task's stack.
     */
    private Optional<Circle> circle(Field infoTask, long inside) {
        for (int size : stackSize > 0 ? List.of(stackSize) : sizes()) {
            try {
                long info = inside & -size;
                long task = infoTask.pointer(space, info);
                long back = stack.orElseThrow().pointer(space, task);
                if (back == info) {
                    return Optional.of(new Circle(size, info, task, back));
                }
            } catch (MemoryFault fault) {
                // Not a thread_info of this size.
                continue;
            }
        }
        return Optional.empty();
    }

    /**
     * THREAD_SIZE, smallest first: 4 (until 2.6.36, CONFIG_4KSTACKS) or 8 KiB on i386; on x86-64 8 KiB, 16 since 3.15 (commit
     * 6538b8ea886e) and on distributions' earlier kernels, and twice that with KASAN.
     */
    private List<Integer> sizes() {
        if (space.pointerSize() == 4) {
            return List.of(4 * KIB, 8 * KIB);
        }
        return List.of(8 * KIB, 16 * KIB, 32 * KIB);
    }

    private OptionalLong pointer(long gva) {
        try {
            return OptionalLong.of(space.readPointer(gva(gva)));
        } catch (MemoryFault fault) {
            return OptionalLong.empty();
        }
    }

    private boolean pointerIsReadable(long gva) {
        return space.find(gva) != AddressSpace.UNMAPPED;
    }

    private long gva(long address) {
        return space.pointerSize() == 4 ? address & 0xffffffffL : address;
    }
}
