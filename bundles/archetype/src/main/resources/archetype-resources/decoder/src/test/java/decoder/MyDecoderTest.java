// SPDX-License-Identifier: Apache-2.0
package ${package}.decoder;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.testkit.FakePatch;

class MyDecoderTest {
    private final MyDecoder decoder = new MyDecoder();

    @Test
    void readsTheTasksOfAGuest() {
        FakeLinux linux = new FakeLinux(false,
                new FakePatch("6.1.0").add("task_struct", "static_prio", 0x80, 4, "int"));
        long init = linux.process(1, linux.initTask(), 0, "init");
        long nginx = linux.process(33, init, 101, "nginx");
        linux.put(init, "static_prio", 120).put(nginx, "static_prio", 125).run(nginx);

        assertThat(decoder.fits(linux.kernel())).isTrue();
        TaskReader reader = decoder.attach(linux.kernel(), linux.space());
        assertThat(reader.read(TaskQuery.PROCESSES).tasks()).extracting(Task::name)
                .containsExactly("init (nice 0)", "nginx (nice 5)");
        assertThat(reader.current(List.of())).extracting(current -> current.task().pid()).containsExactly(33);
    }

    @Test
    void leavesOtherKernelsToOthers() {
        assertThat(decoder.fits(new FakeLinux(false).kernel())).as("one without that member").isFalse();
    }
}
