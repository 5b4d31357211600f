// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.kit.sched.CurrentTasks;
import org.xenhpt.kit.sched.LinuxTaskReader;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.testkit.FakePatch;

class RenamesTest {
    private final Renames renames = new Renames(
            Map.of("task_struct.acme_name", "comm", "task_struct.acme_tasks", "tasks"));
    private final FakeLinux linux = new FakeLinux(false, new FakePatch("6.1.0-acme")
            .rename("task_struct", "comm", "acme_name").rename("task_struct", "tasks", "acme_tasks").move("task_struct", "tasks", 0x300));

    private static LinuxTaskReader reader(Kernel kernel, FakeLinux linux) {
        return new LinuxTaskReader(kernel, linux.space(), CurrentTasks.in(kernel.symbol("current_task"), "per-CPU"));
    }

    @Test
    void aKernelWhoseMembersWereRenamedIsReadAsIfTheyWereNot() {
        long init = linux.process(1, linux.initTask(), 0, "init");
        linux.thread(312, linux.process(311, init, 101, "daemon"), "worker");
        Kernel kernel = linux.kernel();
        assertThat(renames.fit(kernel)).isTrue();
        assertThat(renames.needs().members()).containsExactlyInAnyOrder("task_struct.acme_name", "task_struct.acme_tasks");
        assertThatThrownBy(() -> reader(kernel, linux)).hasMessageContaining("no member task_struct.");
        LinuxTaskReader reader = reader(renames.plain(kernel), linux);
        assertThat(reader.read(TaskQuery.PROCESSES).tasks()).isEqualTo(linux.tasks(false));
        assertThat(reader.read(TaskQuery.THREADS).tasks()).isEqualTo(linux.tasks(true)).hasSize(3);
    }

    @Test
    void othersKernelsDoNotFit() {
        assertThat(renames.fit(new FakeLinux(false).kernel())).isFalse();
        assertThatThrownBy(() -> new Renames(Map.of("comm", "name"))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void whatHasThePlainNameGivesWay() {
        FakeLinux both = new FakeLinux(false, new FakePatch("6.1.0-acme").rename("task_struct", "comm", "acme_name")
                .add("task_struct", "spare", 0x80, 8, "void *").rename("task_struct", "spare", "comm"));
        Kernel kernel = both.kernel();
        assertThat(kernel.profile().member("task_struct", "comm").orElseThrow().size()).isEqualTo(8);
        assertThat(new Renames(Map.of("task_struct.acme_name", "comm")).plain(kernel).profile()
                .member("task_struct", "comm").orElseThrow().size()).isEqualTo(16);
    }
}
