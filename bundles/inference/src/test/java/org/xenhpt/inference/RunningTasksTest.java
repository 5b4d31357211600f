// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.decoder.linux49.Linux49Decoder;

class RunningTasksTest {
    private static final String RELEASE = "6.1.0-fake";

    private static FakeKernel kernel(PagingMode paging) {
        return new FakeKernel(InferenceTest.layout(paging), paging, RELEASE).usual();
    }

    private static Findings infer(FakeKernel kernel) {
        return new Inference(new KernelMemory(kernel.space(), kernel.identity())).run().orElseThrow();
    }

    private static Profile profile(FakeKernel kernel) {
        return new InferredProfiles().find(kernel.guest(), kernel.identity(), kernel.space(), Needs.NONE, Progress.NONE)
                .orElseThrow();
    }

    private static TaskReader reader(FakeKernel kernel) {
        Kernel known = new Kernel(kernel.identity(), profile(kernel));
        assertThat(new Linux49Decoder().fits(known)).isTrue();
        return new Linux49Decoder().attach(known, kernel.space());
    }

    private static List<String> running(FakeKernel kernel) {
        return reader(kernel).current(List.of()).stream().map(c -> c.vcpu() + " " + c.task().name()).toList();
    }

    private static void assertUnknown(FakeKernel kernel, String why) {
        Findings findings = infer(kernel);
        assertThat(findings.symbols()).doesNotContainKeys("current_task", "__per_cpu_offset");
        assertThat(findings.missing()).anyMatch(what -> what.startsWith("current_task: ") && what.contains(why));
        TaskReader reader = reader(kernel);
        assertThatThrownBy(() -> reader.current(List.of())).isInstanceOfSatisfying(HptException.class,
                e -> assertThat(e.reason()).isEqualTo(Reason.BAD_PROFILE)).hasMessageContaining("inference");
    }

    @ParameterizedTest
    @EnumSource(value = PagingMode.class, names = {"LEVEL_4", "PAE", "X86_32"})
    void eachCpusTaskIsFound(PagingMode paging) {
        FakeKernel kernel = kernel(paging);
        assertThat(infer(kernel).symbols()).containsEntry("current_task", kernel.current())
                .containsEntry("__per_cpu_offset", kernel.offsets());
        assertThat(running(kernel)).containsExactly("0 swapper/0", "1 swapper/1");
        kernel.runs(0, kernel.processes().get(25));
        kernel.runs(1, kernel.processes().get(1));
        assertThat(running(kernel)).containsExactly("0 daemon 5", "1 kthreadd");
    }

    /** As in a 2.6.38.8 guest with two CPUs. */
    @Test
    void anIdleTaskMayHaveTheNameOfWhomForkedIt() {
        Map<String, Integer> layout = InferenceTest.layout(PagingMode.PAE);
        layout.put("task_struct.start_boottime", layout.get("task_struct.start_time") + 8);
        FakeKernel kernel = new FakeKernel(layout, PagingMode.PAE, "2.6.38.8-24").usual();
        long idle = kernel.get(kernel.perCpu(1, kernel.current())) & 0xffffffffL;
        kernel.memory().putLong(kernel.gpa(kernel.member(idle, "task_struct.comm")), 0)
                .putString(kernel.gpa(kernel.member(idle, "task_struct.comm")), "kworker/0:0");
        assertThat(infer(kernel).symbols()).containsEntry("current_task", kernel.current());
    }

    /** Of the possible CPUs of a kernel, those that never ran have what the variable began with. */
    @Test
    void aCpuThatWasNeverStartedRunsNothing() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        kernel.runs(1, kernel.init());
        kernel.runs(0, kernel.processes().get(0));
        assertThat(running(kernel)).containsExactly("0 init");
    }

    @Test
    void whatTheTaskAreaDoesNotSayOfItselfIsNoCpu() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        kernel.word(kernel.offsets() + 16, kernel.get(kernel.offsets()));
        kernel.word(kernel.offsets() + 24, FakeKernel.DIRECT_MAP_64 + (40 << 20));
        assertThat(running(kernel)).hasSize(2);
    }

    @Test
    void whatWasLearntIsAskedAgain() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        Profile learnt = profile(kernel);
        kernel.forgetCode();
        InferredProfiles source = new InferredProfiles();
        assertThat(source.confirm(learnt, kernel.guest(), kernel.identity(), kernel.space(), Progress.NONE))
                .hasValueSatisfying(again -> assertThat(again.symbols()).isEqualTo(learnt.symbols()));
        kernel.runs(1, 0);
        assertThat(source.confirm(learnt, kernel.guest(), kernel.identity(), kernel.space(), Progress.NONE)).isEmpty();
    }

    @Test
    void withoutCodeThatReadsItItIsUnknown() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        kernel.forgetCode();
        assertUnknown(kernel, "no place that code reads often");
    }

    @Test
    void whatOneCpuContradictsIsUnknown() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        // Looks like a task, but is a thread's memory of another kind: its leader is another number.
        long task = kernel.processes().get(4);
        kernel.runs(1, task + 0x40);
        assertUnknown(kernel, "no place that code reads often");
    }

    @Test
    void ofTwoThatCouldBeItNeitherIsBelieved() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        long idle = kernel.current() + 0x40;
        for (int cpu = 0; cpu < 2; cpu++) {
            kernel.word(kernel.perCpu(cpu, idle), kernel.get(kernel.perCpu(cpu, kernel.current())));
        }
        for (int i = 0; i < 100; i++) {
            kernel.readsPerCpu(idle);
        }
        assertUnknown(kernel, "are read 300 and 100 times");
    }

    @Test
    void withoutTheArrayOfOffsetsItIsUnknown() {
        FakeKernel kernel = kernel(PagingMode.X86_32);
        kernel.word(kernel.perCpu(0, kernel.current() + 0x100), 12);
        assertUnknown(kernel, "no array that code indexes");
    }

    /** A kernel without SMP, as Debian's 586, has no segment of per-CPU data. */
    @ParameterizedTest
    @EnumSource(value = PagingMode.class, names = {"LEVEL_4", "X86_32"})
    void kernelsForOneCpuReadItAsAnyVariable(PagingMode paging) {
        FakeKernel kernel = kernel(paging);
        kernel.forgetCode();
        long variable = kernel.offsets() + 0x80;
        kernel.word(variable, kernel.processes().get(25));
        for (int i = 0; i < 300; i++) {
            // mov variable,eax; and, relative to the next instruction, mov variable(rip),rax.
            if (paging == PagingMode.X86_32) {
                kernel.emit(new int[] {0xa1}, variable);
            } else {
                kernel.emitRelative(new int[] {0x48, 0x8b, 0x05}, variable);
            }
        }
        assertThat(infer(kernel).symbols()).containsEntry("current_task", variable).doesNotContainKey("__per_cpu_offset");
        TaskReader reader = new Linux49Decoder().attach(new Kernel(kernel.identity(), profile(kernel)), kernel.space());
        assertThat(reader.current(List.of())).extracting(c -> c.task().name()).containsExactly("daemon 5");
    }

    /** As code of 6.8 and later does. */
    @Test
    void perCpuVariablesMayBeReadRelativeToTheInstruction() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4);
        kernel.forgetCode();
        for (int i = 0; i < 300; i++) {
            kernel.emitRelative(new int[] {0x65, 0x48, 0x8b, 0x05}, kernel.current());
            kernel.emitRelative(new int[] {0x65, 0x4c, 0x03, 0x0d}, kernel.current() + 0x100);
            kernel.emit(new int[] {0x4a, 0x03, 0x04, 0xe5}, kernel.offsets());
        }
        assertThat(running(kernel)).containsExactly("0 swapper/0", "1 swapper/1");
    }
}
