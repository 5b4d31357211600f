// SPDX-License-Identifier: Apache-2.0
package ${package}.command;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.process.Gap;
import org.xenhpt.testkit.FakeFrontEnd;
import org.xenhpt.testkit.FakeLinux;
import picocli.CommandLine;

class MyCommandTest {
    private final FakeLinux linux = new FakeLinux(false);
    private final FakeFrontEnd frontEnd = new FakeFrontEnd().guest("web", linux);
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void boot() {
        long init = linux.process(1, linux.initTask(), 0, "init");
        linux.process(33, linux.process(32, init, 0, "nginx"), 101, "nginx");
    }

    private int run(String... words) {
        return new CommandLine(new MyCommand(frontEnd)).setOut(new PrintWriter(out)).setErr(new PrintWriter(err))
                .execute(words);
    }

    @Test
    void countsTheProcessesOfEachUser() {
        assertThat(run("fake:web")).isZero();
        assertThat(out.toString().split("\\R")).containsExactly("  UID PROCESSES", "    0         2", "  101         1");
        assertThat(frontEnd.openSessions()).as("it gives the guest back").isZero();
    }

    @Test
    void countsForPrograms() {
        assertThat(run("fake:web", "--json")).isZero();
        assertThat(out.toString().strip())
                .isEqualTo("[{\"uid\": 0, \"processes\": 2}, {\"uid\": 101, \"processes\": 1}]");
    }

    @Test
    void saysWhatIsMissing() {
        frontEnd.gaps(new Gap("tasks after pid 33", "a broken list"));
        assertThat(run("fake:web")).isEqualTo(14);
        assertThat(err.toString()).contains("tasks after pid 33: a broken list");
    }
}
