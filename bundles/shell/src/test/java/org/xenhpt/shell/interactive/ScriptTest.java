// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.interactive;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.shell.FakePlatform;

class ScriptTest {
    private final FakePlatform platform = new FakePlatform();

    private int run(String lines) {
        return new Script(platform.runner(), platform.console(lines), List.of()).run();
    }

    @Test
    void runsACommandALine() {
        platform.tasks.add(FakePlatform.task(1, 0, "init"));
        assertThat(run("# a comment\n\n  ps qemu:a -o pid   # and another\ntree 'qemu:b c'\n")).isZero();
        assertThat(platform.attached).containsExactly(new GuestUri("qemu", "a"), new GuestUri("qemu", "b c"));
        assertThat(platform.out()).startsWith("PID\n  1\n");
    }

    @Test
    void givesTheCodeOfTheLastFailure() {
        assertThat(run("frobnicate\nguests\n")).isEqualTo(2);
        platform.failure = Optional.of(new HptException(Step.DECODER, Reason.MEMORY_FAULT, "", "nothing there"));
        assertThat(run("frobnicate\nps qemu:a\nguests\n")).isEqualTo(11);
    }

    @Test
    void stopsAtExit() {
        assertThat(run("exit\nfrobnicate\n")).isZero();
        assertThat(platform.err()).isEmpty();
    }

    @Test
    void splitsAsAShellDoes() {
        assertThat(WordSplitter.split("a 'b c' \"d \\\" e\" f\\ g '' h#i # j")).contains(
                List.of("a", "b c", "d \" e", "f g", "", "h#i"));
        assertThat(WordSplitter.split("a 'b")).isEmpty();
        assertThat(WordSplitter.split("   ")).contains(List.of());
    }
}
