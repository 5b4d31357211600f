// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.decoder.linux615;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.translation.X86Translator;

class Linux615DecoderTest {
    /** Where FakeLinux keeps the pointer to the running task, from the start of the per-CPU area. */
    private static final long CURRENT_TASK = 0x1fbc0;

    private final Linux615Decoder decoder = new Linux615Decoder();
    private final FakeLinux linux = new FakeLinux(false);

    @Test
    void perCpuVariableInTheImageMovedByKaslr() {
        for (String name : List.of("current_task", "const_current_task")) {
            Kernel kernel = kernelWith(Map.of(name, 0xffffffff82000000L));
            assertThat(decoder.fits(kernel)).isTrue();
        }
        // The area's offset is that of the CPU less the start of the image's own copy: see PerCpu.
        long linked = 0xffffffff82000000L;
        Kernel kernel = kernelWith(Map.of("const_current_task", linked));
        long offsets = linux.gpa(kernel.symbol("__per_cpu_offset"));
        linux.run(linux.initTask());
        long area = linux.memory().getLong(offsets);
        long start = linked - CURRENT_TASK + kernel.identity().kaslrOffset();
        long init = linux.process(1, linux.initTask(), 0, "init");
        linux.run(init);
        linux.memory().putLong(offsets, area - start);
        AddressSpace space = new X86Translator().open(linux.memory(), kernel.identity().paging(),
                kernel.identity().rootGpa());
        TaskReader reader = decoder.attach(kernel, space);
        assertThat(reader.read(TaskQuery.PROCESSES).tasks()).extracting(Task::name).containsExactly("init");
        assertThat(reader.current(List.of())).extracting(CurrentTask::task).extracting(Task::pid).containsExactly(1);
    }

    @Test
    void othersKernelsAreLeftToOthers() {
        assertThat(decoder.fits(linux.kernel())).as("an offset from 0").isFalse();
        assertThat(decoder.fits(kernelWith(Map.of()))).isFalse();
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
