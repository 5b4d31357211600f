// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.TestGuest;

/**
 * Two kernels of the same build in one memory: one that runs, and one that is there for the case that it panics. The one
 * that runs is shown; after the panic that is the other one, although the first lies whole in RAM.
 */
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class CrashKernelTest {
    @TempDir
    Path folder;

    @Test
    void theKernelThatRunsIsShown() throws IOException {
        try (TestGuest guest = TestGuest.boot(GuestSpec.of("bookworm-amd64").memoryMiB(512).withCrashKernel());
                RunningShell shell = new RunningShell(Hpt.home(), folder.resolve("messages"))) {
            String ps = "ps " + guest.uri() + " --json -T";
            var before = guest.list();
            List<JsonNode> first = shell.ask(ps);
            new Agreement(before, guest.list(), true).check(first);

            guest.qmp().execute("inject-nmi", Map.of());
            BootMarks dead = BootMarks.of(first);
            List<JsonNode> then = shell.findUntil(ps, "the crash kernel's init", tasks -> {
                // Until it is up, the panicked one's list may be seen, or none; never a mixture.
                return dead.isOfAnother(tasks)
                        && tasks.stream().anyMatch(task -> task.get("name").asText().equals("init"));
            });
            assertThat(then).extracting(task -> task.get("name").asText()).contains("kthreadd");
            shell.awaitMessage("rebooted, with the same kernel " + guest.release());
            // Nor does one find the dead one who has never seen either.
            assertThat(BootMarks.of(Hpt.run("ps", guest.uri(), "-T", "--json", "--no-cache").rows()).tasks()).isNotEmpty()
                    .doesNotContainAnyElementsOf(dead.tasks());
        }
    }
}
