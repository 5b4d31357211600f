// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.TestGuest;

/**
 * A guest is reset while a shell of hpt is attached to it: the shell says so, lists the new boot's processes as soon as
 * they are there, and before that says that the guest is not up; the old boot's are in RAM still, and not shown again.
 */
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class RebootTest {
    @TempDir
    Path folder;

    private void reboots(String kernel) throws IOException {
        try (TestGuest guest = TestGuest.boot(GuestSpec.of(kernel));
                RunningShell shell = new RunningShell(Hpt.home(), folder.resolve(kernel + ".err"))) {
            String ps = "ps " + guest.uri() + " --json -T";
            BootMarks before = BootMarks.of(shell.ask(ps));
            assertThat(before.tasks()).hasSizeGreaterThan(20);
            guest.reset();
            // Until the new boot is there the old one's list may be seen, or none; never a mixture.
            shell.findUntil(ps, "the new boot's tasks", tasks -> !tasks.isEmpty() && before.isOfAnother(tasks));
            guest.awaitUp();
            var truth = guest.list();
            List<JsonNode> after = shell.ask(ps);
            assertThat(before.isOfAnother(after)).isTrue();
            new Agreement(truth, guest.list(), true).check(after);
            assertThat(shell.messages()).contains("rebooted, with the same kernel " + guest.release());
        }
    }

    @Test
    void aKernelWithBtf() throws IOException {
        reboots("sid-amd64");
    }

    @Test
    void aKernelWhoseLayoutIsInferred() throws IOException {
        reboots("bookworm-686-pae");
    }
}
