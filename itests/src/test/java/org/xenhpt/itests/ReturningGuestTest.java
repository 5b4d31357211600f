// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.TestGuest;

/** A guest that comes back otherwise than it went, while a shell of hpt is attached to it. */
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class ReturningGuestTest {
    private static final GuestSpec SPEC = GuestSpec.of("bookworm-amd64");

    @TempDir
    Path folder;

    private RunningShell shell() {
        return new RunningShell(Hpt.home(), folder.resolve("messages"));
    }

    private static List<String> names(List<JsonNode> tasks) {
        return tasks.stream().map(task -> task.get("name").asText()).toList();
    }

    @Test
    void aGuestThatGoesBackToASnapshotIsShownAsItWas() throws IOException {
        try (TestGuest guest = TestGuest.boot(SPEC); RunningShell shell = shell()) {
            String ps = "ps " + guest.uri() + " --json -T";
            guest.list();
            guest.snapshot(folder.resolve("snapshot.qcow2"));
            guest.churn();
            shell.askUntil(ps, "what began since", tasks -> names(tasks).contains("churn"));
            // Its clock has to be seen to go on, so that going back can be told.
            shell.askUntil(ps, "a child of that", tasks -> names(tasks).stream().anyMatch(name -> name.startsWith("brief")));
            guest.goBack();
            var before = guest.list();
            List<JsonNode> now = shell.ask(ps);
            new Agreement(before, guest.list(), true).check(now);
            assertThat(names(now)).doesNotContain("churn");
            assertThat(shell.messages()).doesNotContain("rebooted");
        }
    }

    @Test
    void aGuestThatWasSavedAndOneWithAnotherKernelAreReadUnderTheSameName() throws IOException {
        Path name = folder.resolve("vm.qmp");
        Path saved = folder.resolve("saved");
        String ps = "ps qemu:" + name + " --json -T";
        try (RunningShell shell = shell()) {
            try (TestGuest guest = TestGuest.boot(SPEC)) {
                Files.createSymbolicLink(name, guest.socket());
                assertThat(names(shell.ask(ps))).contains("init", "kthreadd");
                guest.save(saved);
            }
            Files.delete(name);
            try (TestGuest guest = TestGuest.restore(SPEC, saved)) {
                Files.createSymbolicLink(name, guest.socket());
                var before = guest.list();
                List<JsonNode> now = shell.ask(ps);
                new Agreement(before, guest.list(), true).check(now);
                shell.awaitMessage("was started anew, with the same kernel " + guest.release());
            }
            Files.delete(name);
            GuestSpec other = GuestSpec.of("bookworm-686-pae");
            try (TestGuest guest = TestGuest.boot(other)) {
                Files.createSymbolicLink(name, guest.socket());
                var before = guest.list();
                List<JsonNode> now = shell.ask(ps);
                new Agreement(before, guest.list(), true).check(now);
                shell.awaitMessage("was started anew: it ran " + TestGuest.release(SPEC.kernel()) + ", and now runs "
                        + guest.release());
            }
        }
    }
}
