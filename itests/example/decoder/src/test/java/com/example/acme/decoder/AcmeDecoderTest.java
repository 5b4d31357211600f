// SPDX-License-Identifier: Apache-2.0
package com.example.acme.decoder;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.testkit.FakePatch;

class AcmeDecoderTest {
    private final AcmeDecoder decoder = new AcmeDecoder();

    @Test
    void readsThePatchedKernel() {
        FakeLinux linux = new FakeLinux(false, new FakePatch("3.2.0-acme").rename("task_struct", "comm", "acme_name")
                .move("task_struct", "comm", 0x300).rename("task_struct", "tasks", "acme_tasks")
                .move("task_struct", "tasks", 0x310));
        long init = linux.process(1, linux.initTask(), 0, "init");
        long proxy = linux.process(20, init, 7, "proxyd");
        linux.thread(21, proxy, "proxyd-io");
        linux.run(proxy);

        assertThat(decoder.fits(linux.kernel())).isTrue();
        TaskReader reader = decoder.attach(linux.kernel(), linux.space());
        assertThat(reader.read(TaskQuery.PROCESSES).tasks()).isEqualTo(linux.tasks(false)).hasSize(2);
        assertThat(reader.read(TaskQuery.THREADS).tasks()).isEqualTo(linux.tasks(true)).hasSize(3);
        assertThat(reader.current(List.of())).extracting(current -> current.task().name()).containsExactly("proxyd");
    }

    @Test
    void leavesPlainKernelsToOthers() {
        assertThat(decoder.fits(new FakeLinux(false).kernel())).isFalse();
    }
}
