// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.decoder.linux2624;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.testkit.LaidOutLinux;

class Linux2624DecoderTest {
    private static final int EXIT_16 = 16;
    private static final int EXIT_32 = 32;
    private static final int TRACED = 8;

    private static long population(LaidOutLinux linux) {
        long init = linux.process(1, linux.initTask(), 0, "init");
        linux.kernelThread(2, linux.initTask(), "kthreadd");
        long udevd = linux.process(312, init, 101, "udevd");
        linux.thread(313, udevd, "worker");
        linux.thread(320, udevd, "worker 2");
        linux.process(400, udevd, 0, "udevd");
        return udevd;
    }

    @ParameterizedTest
    @EnumSource(OldKernel.class)
    void processesOfEachGeneration(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        population(linux);
        assertThat(new Linux2624Decoder().fits(linux.kernel())).isTrue();
        ProcessTable table = OldKernel.attach(linux).read(TaskQuery.PROCESSES);
        assertThat(table.gaps()).isEmpty();
        assertThat(table.tasks()).extracting(Task::pid, Task::ppid, Task::uid, Task::gid, Task::name, Task::state,
                Task::kernel).containsExactly(tuple(1, 0, 0L, 0L, "init", 'S', false),
                tuple(2, 0, 0L, 0L, "kthreadd", 'S', true), tuple(312, 1, 101L, 101L, "udevd", 'S', false),
                tuple(400, 312, 0L, 0L, "udevd", 'S', false));
        assertThat(table.tasks()).extracting(Task::startNanos)
                .containsExactly(1_250_000_000L, 2_250_000_000L, 312_250_000_000L, 400_250_000_000L);
        assertThat(table.tasks()).extracting(Task::cpuNanos).as("of all threads")
                .containsExactly(2_000_000_000L, 2_000_000_000L, 6_000_000_000L, 2_000_000_000L);
    }

    @ParameterizedTest
    @EnumSource(OldKernel.class)
    void threadsOfEachGeneration(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        population(linux);
        ProcessTable table = OldKernel.attach(linux).read(TaskQuery.THREADS);
        assertThat(table.gaps()).isEmpty();
        assertThat(table.tasks()).extracting(Task::pid, Task::tgid, Task::uid, Task::name).containsExactly(
                tuple(1, 1, 0L, "init"), tuple(2, 2, 0L, "kthreadd"), tuple(312, 312, 101L, "udevd"),
                tuple(313, 312, kernel.ordinal() < OldKernel.DEBIAN_6.ordinal() ? 0L : 101L, "worker"),
                tuple(320, 312, kernel.ordinal() < OldKernel.DEBIAN_6.ordinal() ? 0L : 101L, "worker 2"),
                tuple(400, 400, 0L, "udevd"));
    }

    @ParameterizedTest
    @EnumSource(value = OldKernel.class, names = "CENTOS_5_I386", mode = EnumSource.Mode.EXCLUDE)
    void theRunningTaskOfEachGeneration(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        long udevd = population(linux);
        linux.run(1, udevd);
        assertThat(OldKernel.attach(linux).current(List.of())).extracting(CurrentTask::vcpu, task -> task.task().pid())
                .containsExactly(tuple(0, 0), tuple(1, 312));
        if (kernel.pointerSize() == 8) {
            assertThat(OldKernel.attach(linux).current(List.of(linux.registers(1, 0, true))))
                    .extracting(task -> task.task().pid()).containsExactly(312);
        }
    }

    @ParameterizedTest
    @EnumSource(value = OldKernel.class, names = "UBUNTU_16_04", mode = EnumSource.Mode.EXCLUDE)
    void bootTimeIsThatOfTheVariablesBefore3Point4(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        linux.process(1, linux.initTask(), 0, "init");
        assertThat(OldKernel.attach(linux).read(TaskQuery.PROCESSES).bootEpochNanos())
                .isEqualTo(LaidOutLinux.BOOTED * 1_000_000_000L);
    }

    @Test
    void endedTasksAreToldApartAsTheirKernelDoes() {
        assertThat(letters(OldKernel.UBUNTU_8_04)).isEqualTo("ZXT");
        assertThat(letters(OldKernel.DEBIAN_7)).isEqualTo("ZXt");
        assertThat(letters(OldKernel.UBUNTU_16_04)).isEqualTo("XZt");
    }

    private static String letters(OldKernel kernel) {
        LaidOutLinux linux = kernel.boot();
        linux.put(linux.process(1, linux.initTask(), 0, "a"), "exit_state", EXIT_16);
        linux.put(linux.process(2, linux.initTask(), 0, "b"), "exit_state", EXIT_32);
        linux.put(linux.process(3, linux.initTask(), 0, "c"), "state", TRACED);
        StringBuilder letters = new StringBuilder();
        OldKernel.attach(linux).read(TaskQuery.PROCESSES).tasks().forEach(task -> letters.append(task.state()));
        return letters.toString();
    }

    @Test
    void threadsThatLeadInACircleWithoutTheLeaderAreAGap() {
        assertTimeoutPreemptively(Duration.ofSeconds(120), () -> {
            LaidOutLinux linux = OldKernel.DEBIAN_7.boot();
            long init = linux.process(1, linux.initTask(), 0, "init");
            long thread = linux.thread(7, init, "worker");
            int member = OldKernel.DEBIAN_7.profile().member("task_struct", "thread_group").orElseThrow().offset();
            linux.putPointer(thread + member, thread + member);
            ProcessTable table = OldKernel.attach(linux).read(TaskQuery.THREADS);
            assertThat(table.tasks()).extracting(Task::pid).contains(1);
            assertThat(table.gaps()).singleElement()
                    .satisfies(gap -> assertThat(gap.where()).isEqualTo("threads of pid 1"));
        });
    }

    @Test
    void laterKernelsAreLeftToOthers() {
        assertThat(new Linux2624Decoder().fits(new FakeLinux(false).kernel())).isFalse();
    }
}
