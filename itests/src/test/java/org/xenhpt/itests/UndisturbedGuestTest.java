// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.Lister.Count;
import org.xenhpt.itests.guest.TaskList;
import org.xenhpt.itests.guest.TestGuest;

/** Reading a guest a hundred times does not stop it. */
class UndisturbedGuestTest {
    private static final int READINGS = 100;

    @ParameterizedTest
    @EnumSource
    void runsOnWhileItIsReadAHundredTimes(GuestSpec.Ram ram) throws IOException {
        try (TestGuest guest = TestGuest.boot(GuestSpec.of("bookworm-amd64").ram(ram))) {
            TaskList before = guest.list();
            Count first = guest.count();
            long begin = System.nanoTime();
            CompletableFuture<Hpt.Result> readings = CompletableFuture.supplyAsync(
                    () -> Hpt.script(("ps " + guest.uri() + " --json\n").repeat(READINGS)), Runner::start);
            List<Count> meanwhile = new ArrayList<>(List.of(first));
            while (!readings.isDone()) {
                meanwhile.add(guest.count());
            }
            long end = System.nanoTime();
            Count last = guest.count();
            List<List<JsonNode>> answers = readings.join().ok().arrays();
            TaskList after = guest.list();

            assertThat(answers).hasSize(READINGS);
            answers.forEach(answer -> new Agreement(before, after, false).check(answer));
            // QEMU tells all its QMP clients when a guest is stopped, and by whichever of them.
            assertThat(guest.wasStopped()).as("stopped").isFalse();
            // Both of the guest's clock's readings lie outside of the host's two, so it can only have advanced more;
            // a guest's clock stands still while it is stopped. One per cent is for how well it knows its own speed.
            assertThat(last.monotonicNanos() - first.monotonicNanos()).as("guest's clock")
                    .isGreaterThan((end - begin) / 100 * 99);
            assertThat(last.count()).as("guest's counter").isGreaterThan(first.count());
            assertThat(meanwhile).as("guest's clock in between").extracting(Count::monotonicNanos).isSorted()
                    .doesNotHaveDuplicates();
        }
    }

    /** A thread of its own: the common pool may have none to spare on a small machine. */
    private static final class Runner {
        static void start(Runnable task) {
            Thread thread = new Thread(task, "readings");
            thread.setDaemon(true);
            thread.start();
        }
    }
}
