// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit.sched;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.process.Location;
import org.xenhpt.api.process.Location.Agreement;
import org.xenhpt.api.process.LocationStep;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.StructLayout;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.testkit.LaidOutLinux;
import org.xenhpt.translation.X86Translator;

/** Locating tasks on kernels whose stacks hold no pointer; those whose stacks do are tried with their decoder. */
class TaskLocatorTest {
    private static final int STACK = 16 << 10;
    private static final long USER_STACK = 0x7fff12345678L;
    private static final String TOP = "cpu_current_top_of_stack";

    private LaidOutLinux linux;
    private long shell;
    private long other;

    @BeforeEach
    void boot() {
        boot(Map.of(TOP, 0x1fbb0L));
    }

    private void boot(Map<String, Long> more) {
        Profile fake = new FakeLinux(false).kernel().profile();
        Map<String, StructLayout> structs = new TreeMap<>(fake.structs());
        StructLayout task = structs.get("task_struct");
        Map<String, Member> members = new TreeMap<>(task.members());
        members.put("stack", new Member(0x20, 8, "void *"));
        structs.put("task_struct", new StructLayout(task.size(), members));
        Map<String, Long> symbols = new TreeMap<>(fake.symbols());
        symbols.putAll(more);
        linux = new LaidOutLinux(new Profile(fake.name(), fake.kernel(), fake.origin(), symbols, structs, Map.of()),
                STACK, false);
        long init = linux.process(1, linux.initTask(), 0, "init");
        shell = linux.process(70, init, 0, "shell");
        other = linux.process(80, init, 0, "other");
        linux.run(1, shell);
    }

    private Location locate(VcpuRegisters registers, boolean known) {
        Kernel kernel = linux.kernel();
        CurrentTasks current = known ? CurrentTasks.in(kernel.symbol("current_task"), "per-CPU current_task")
                : CurrentTasks.unknown(kernel);
        return new LinuxTaskReader(kernel, new X86Translator().open(linux.memory(), kernel.identity().paging(),
                kernel.identity().rootGpa()), current).locate(registers);
    }

    @Test
    void theCurrentTasksStackHoldsRsp() {
        for (long depth : new long[] {0, 8, 5000, STACK - 8}) {
            Location location = locate(linux.registers(1, linux.stackOf(shell) + STACK - depth, false), true);
            assertThat(location.agreement()).isEqualTo(Agreement.AGREE);
            assertThat(location.task().pid()).isEqualTo(70);
            assertThat(location.verdict()).startsWith("both directions agree").contains("16 KiB").endsWith("holds rsp");
            assertThat(location.steps()).extracting(LocationStep::name)
                    .containsExactly("rsp", "current", "task_struct", "stack", "stack top");
        }
    }

    @Test
    void inUserModeTheTopOfTheStackLeadsBack() {
        Location location = locate(linux.registers(1, USER_STACK, true), true);
        assertThat(location.agreement()).isEqualTo(Agreement.AGREE);
        assertThat(location.task().pid()).isEqualTo(70);
        assertThat(location.verdict()).contains("vCPU is in user mode: rsp is the user's");
    }

    @Test
    void withoutTheTopOfTheStackNothingLeadsBackInUserMode() {
        boot(Map.of());
        Location location = locate(linux.registers(1, USER_STACK, true), true);
        assertThat(location.agreement()).isEqualTo(Agreement.ONE_WAY);
        assertThat(location.task().pid()).isEqualTo(70);
    }

    @Test
    void anotherTasksStackDoesNotAgree() {
        assertDisagrees();
        boot(Map.of());
        assertDisagrees();
    }

    private void assertDisagrees() {
        Location location = locate(linux.registers(1, linux.stackOf(other) + 8000, false), true);
        assertThat(location.verdict()).contains("rsp is on the stack of task 80");
        assertThat(location.agreement()).isEqualTo(Agreement.DISAGREE);
        assertThat(location.task().pid()).isEqualTo(70);
    }

    @Test
    void whereNothingTellsTheCurrentTaskTheStackThatHoldsRspDoes() {
        Location location = locate(linux.registers(1, linux.stackOf(shell) + 8000, false), false);
        assertThat(location.task().pid()).isEqualTo(70);
        assertThat(location.agreement()).isEqualTo(Agreement.AGREE);
        boot(Map.of());
        location = locate(linux.registers(1, linux.stackOf(other) + 8000, false), false);
        assertThat(location.task().pid()).isEqualTo(80);
        assertThat(location.agreement()).as("found by the stack, and by nothing else").isEqualTo(Agreement.ONE_WAY);
    }
}
