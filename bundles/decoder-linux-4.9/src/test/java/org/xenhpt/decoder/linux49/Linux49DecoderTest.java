// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.decoder.linux49;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.translation.X86Translator;

class Linux49DecoderTest {
    /** Where FakeLinux keeps the pointer to the running task, from the start of the per-CPU area. */
    private static final long CURRENT_TASK = 0x1fbc0;

    private final Linux49Decoder decoder = new Linux49Decoder();
    private final FakeLinux linux = new FakeLinux(false);

    @Test
    void perCpuVariableAtAnOffset() {
        Kernel kernel = kernelWith(Map.of("current_task", CURRENT_TASK));
        assertThat(decoder.fits(kernel)).isTrue();
        reads(kernel);
    }

    @Test
    void othersKernelsAreLeftToOthers() {
        assertThat(decoder.fits(kernelWith(Map.of("pcpu_hot", 0x1000L)))).isFalse();
        assertThat(decoder.fits(kernelWith(Map.of("current_task", 0xffffffff82000000L)))).as("6.15").isFalse();
    }

    @Test
    void withoutThePlaceOfTheRunningTaskProcessesAreListedAndTheRunningOneIsNot() {
        Kernel kernel = kernelWith(Map.of());
        assertThat(decoder.fits(kernel)).isTrue();
        linux.process(1, linux.initTask(), 0, "init");
        AddressSpace space = new X86Translator().open(linux.memory(), kernel.identity().paging(),
                kernel.identity().rootGpa());
        TaskReader reader = decoder.attach(kernel, space);
        assertThat(reader.read(TaskQuery.PROCESSES).tasks()).extracting(Task::name).containsExactly("init");
        assertThatThrownBy(() -> reader.current(List.of())).isInstanceOf(HptException.class)
                .hasMessageContaining("does not tell where kernel 6.1.0-fake keeps the running task");
    }

    private void reads(Kernel kernel) {
        long init = linux.process(1, linux.initTask(), 0, "init");
        linux.run(init);
        AddressSpace space = new X86Translator().open(linux.memory(), kernel.identity().paging(),
                kernel.identity().rootGpa());
        TaskReader reader = decoder.attach(kernel, space);
        assertThat(reader.read(TaskQuery.PROCESSES).tasks()).extracting(Task::name).containsExactly("init");
        assertThat(reader.current(List.of())).extracting(CurrentTask::task).extracting(Task::pid).containsExactly(1);
    }

    /** The fake kernel with {@code current_task} as a symbol of its own left out and these added. */
    private Kernel kernelWith(Map<String, Long> symbols) {
        Kernel kernel = linux.kernel();
        Profile profile = kernel.profile();
        Map<String, Long> all = new TreeMap<>(profile.symbols());
        all.remove("current_task");
        all.putAll(symbols);
        return new Kernel(kernel.identity(), new Profile(profile.name(), profile.kernel(), profile.origin(), all,
                profile.structs(), Map.of()));
    }
}
