// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.decoder.linux2624;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Location;
import org.xenhpt.api.process.Location.Agreement;
import org.xenhpt.api.process.Location.Mode;
import org.xenhpt.api.process.LocationStep;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.testkit.LaidOutLinux;

/** From the stack to the task and back, on kernels whose stacks begin with thread_info. */
class LocateTest {
    private static final long USER_STACK = 0x7fff1230L;

    private static Location locate(LaidOutLinux linux, VcpuRegisters registers) {
        return OldKernel.attach(linux).locate(registers);
    }

    private static long running(LaidOutLinux linux, int cpu) {
        long init = linux.process(1, linux.initTask(), 0, "init");
        long other = linux.process(570, init, 0, "udevd");
        long task = linux.process(1472, init, 0, "bash");
        linux.process(1500, init, 0, "after");
        linux.run(1 - cpu, other);
        linux.run(cpu, task);
        return task;
    }

    @ParameterizedTest
    @EnumSource(OldKernel.class)
    void rspLeadsToTheTaskAndTheTaskBackToItsStack(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        long task = running(linux, 1);
        long stack = linux.stackOf(task);
        for (long depth : new long[] {200, kernel.stackSize() - 400}) {
            long rsp = stack + kernel.stackSize() - depth;
            Location location = locate(linux, linux.registers(1, rsp, false));
            assertThat(location.agreement()).isEqualTo(Agreement.AGREE);
            assertThat(location.task().pid()).isEqualTo(1472);
            assertThat(location.mode()).isEqualTo(Mode.KERNEL);
            assertThat(location.steps()).extracting(LocationStep::name, LocationStep::gva, LocationStep::gpa)
                    .containsExactly(tuple(kernel.pointerSize() == 8 ? "rsp" : "esp", rsp, linux.gpa(rsp)),
                            tuple("thread_info", stack, linux.gpa(stack)), tuple("task_struct", task, linux.gpa(task)),
                            tuple("stack", stack, linux.gpa(stack)));
        }
    }

    @ParameterizedTest
    @EnumSource(OldKernel.class)
    void inUserModeTheTssLeadsToTheTask(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        long task = running(linux, 1);
        Location location = locate(linux, linux.registers(1, USER_STACK, true));
        assertThat(location.agreement()).isEqualTo(Agreement.AGREE);
        assertThat(location.task().pid()).isEqualTo(1472);
        assertThat(location.mode()).isEqualTo(Mode.USER);
        assertThat(location.verdict()).contains("is the user's").contains("sp0").contains("both directions agree");
        assertThat(location.steps()).extracting(LocationStep::name).containsExactly(
                kernel.pointerSize() == 8 ? "rsp" : "esp", "TSS", "stack top", "thread_info", "task_struct", "stack");
        assertThat(location.steps().get(0).gpa()).as("a user's address").isEqualTo(-1);
        assertThat(location.steps().get(5).gva()).isEqualTo(linux.stackOf(task));
    }

    @ParameterizedTest
    @EnumSource(value = OldKernel.class, names = {"DEBIAN_6", "DEBIAN_7", "UBUNTU_16_04"})
    void inAnInterruptTheTssLeadsToTheTask(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        running(linux, 1);
        Location location = locate(linux, linux.registers(1, linux.irqStackTop(1) - 100, false));
        assertThat(location.task().pid()).isEqualTo(1472);
        assertThat(location.agreement()).isEqualTo(Agreement.AGREE);
        assertThat(location.verdict()).contains("the CPU's interrupt stack");
    }

    @ParameterizedTest
    @EnumSource(value = OldKernel.class, names = "CENTOS_5_I386", mode = EnumSource.Mode.EXCLUDE)
    void whereTheTssLeadsNowherePerCpuDataDoes(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        running(linux, 1);
        linux.putPointer(linux.tss(1).orElseThrow() + 4, 0);
        Location location = locate(linux, linux.registers(1, USER_STACK, true));
        assertThat(location.task().pid()).isEqualTo(1472);
        assertThat(location.agreement()).isEqualTo(Agreement.AGREE);
        assertThat(location.verdict()).contains(kernel.profile().symbols().containsKey("_cpu_pda") ? "PDA pcurrent"
                : "per-CPU current_task").contains("thread_info.task is the task again");
    }

    @ParameterizedTest
    @EnumSource(OldKernel.class)
    void withoutRegistersMemoryAloneTells(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        running(linux, 1);
        Location location = locate(linux, new VcpuRegisters(1, Map.of()));
        assertThat(location.task().pid()).isEqualTo(1472);
        assertThat(location.agreement()).isEqualTo(Agreement.AGREE);
        assertThat(location.registers()).isFalse();
        assertThatThrownBy(() -> locate(linux, new VcpuRegisters(7, Map.of()))).isInstanceOf(HptException.class)
                .hasMessageContaining("no such CPU");
    }

    @Test
    void aSwitchedThreadInfoIsNotBelieved() {
        LaidOutLinux linux = OldKernel.DEBIAN_7.boot();
        long task = running(linux, 0);
        long stack = linux.stackOf(task);
        // It names another task, whose stack is elsewhere; so does the way by sp0, and what is left contradicts itself.
        linux.putPointer(stack, linux.initTask());
        Location location = locate(linux, linux.registers(0, stack + 4000, false));
        assertThat(location.agreement()).isEqualTo(Agreement.DISAGREE);
        assertThat(location.task().pid()).as("what the kernel says to run").isEqualTo(1472);
        assertThat(location.verdict()).contains("do not agree");
    }

    @Test
    void aStackThatIsNowhereIsAFaultOrTheOtherWay() {
        LaidOutLinux linux = OldKernel.DEBIAN_7.boot();
        running(linux, 0);
        for (long rsp : new long[] {0, 8, -8, 0xdead000000000000L, 0xffff880000000000L + (1L << 40)}) {
            Location location = locate(linux, linux.registers(0, rsp, false));
            assertThat(location.task().pid()).isEqualTo(1472);
            assertThat(location.verdict()).startsWith("rsp is on no task's stack");
        }
    }

    @Test
    void theFirstTasksStackTellsWhereThreadInfoHasTheTask() {
        LaidOutLinux linux = OldKernel.DEBIAN_7.boot();
        assertThat(linux.kernel().profile().member("thread_info", "task")).as("published layouts lack it").isEmpty();
        running(linux, 0);
        linux.putPointer(linux.stackOf(linux.initTask()), 0);
        assertThatThrownBy(() -> locate(linux, linux.registers(0, 0, true))).isInstanceOf(HptException.class)
                .hasMessageContaining("does not lead back to init_task");
    }

    @Test
    void aUsersGsBaseIsNotTakenForTheKernels() {
        LaidOutLinux linux = OldKernel.DEBIAN_7.boot();
        running(linux, 1);
        linux.putPointer(linux.tss(1).orElseThrow() + 4, 0);
        Map<Register, Long> forged = Map.of(Register.RSP, USER_STACK,
                Register.CS, 0x33L, Register.GS_BASE, -4096L);
        Location location = locate(linux, new VcpuRegisters(1, forged));
        assertThat(location.task().pid()).isEqualTo(1472);
        assertThat(location.steps().stream().map(LocationStep::how)).anyMatch(how -> how.contains("by the vCPU's number"));
    }

    @ParameterizedTest
    @EnumSource(value = OldKernel.class, names = "CENTOS_5_I386", mode = EnumSource.Mode.EXCLUDE)
    void currentIsFoundByRegistersInBothModes(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        long task = running(linux, 1);
        for (boolean user : new boolean[] {true, false}) {
            long rsp = user ? USER_STACK : linux.stackOf(task) + kernel.stackSize() - 400;
            List<CurrentTask> current = OldKernel.attach(linux).current(List.of(linux.registers(1, rsp, user)));
            assertThat(current).extracting(CurrentTask::vcpu, c -> c.task().pid(), CurrentTask::registers)
                    .containsExactly(tuple(1, 1472, true));
        }
    }

    /** As an inferred profile that could not find the variable. */
    @ParameterizedTest
    @EnumSource(OldKernel.class)
    void whereNoVariableTellsTheRunningTaskItsStackDoes(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        long task = running(linux, 1);
        Profile whole = linux.kernel().profile();
        Profile poor = new Profile(whole.name(), whole.kernel(), whole.origin(), Map.of("init_task", linux.initTask()),
                whole.structs(), Map.of());
        TaskReader reader = OldKernel.attach(linux, poor);
        List<CurrentTask> current = reader.current(List.of(linux.registers(1, linux.stackOf(task) + 3000, false)));
        assertThat(current).extracting(c -> c.task().pid()).containsExactly(1472);
        assertThatThrownBy(() -> reader.current(List.of())).isInstanceOf(HptException.class)
                .hasMessageContaining("does not tell where");
    }

    /** An inferred profile knows no mask of CPUs that are on line, but that each CPU's data holds its own offset. */
    @ParameterizedTest
    @EnumSource(value = OldKernel.class, names = {"DEBIAN_6", "DEBIAN_7", "DEBIAN_7_I386", "UBUNTU_16_04"})
    void withoutAMaskTheCpusAreThoseWithDataOfTheirOwn(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        running(linux, 1);
        Profile whole = linux.kernel().profile();
        String variable = whole.symbols().containsKey("current_task") ? "current_task" : "per_cpu__current_task";
        long current = whole.symbols().get(variable);
        long array = whole.symbols().get("__per_cpu_offset");
        Profile inferred = new Profile(whole.name(), whole.kernel(), whole.origin(), Map.of("init_task", linux.initTask(),
                "current_task", current, "__per_cpu_offset", array, "this_cpu_off", current + 8), whole.structs(),
                Map.of());
        for (int cpu = 0; cpu < LaidOutLinux.CPUS; cpu++) {
            long offset = linux.pointerAt(array + (long) cpu * kernel.pointerSize());
            linux.putPointer(kernel.pointerSize() == 8 ? offset + current + 8 : offset + current + 8 & 0xffffffffL,
                    offset);
        }
        assertThat(OldKernel.attach(linux, inferred).current(List.of())).extracting(c -> c.task().pid())
                .containsExactly(570, 1472);
        // A CPU that was never started.
        linux.run(1, linux.initTask());
        assertThat(OldKernel.attach(linux, inferred).current(List.of())).extracting(c -> c.task().pid())
                .containsExactly(570);
    }
}
