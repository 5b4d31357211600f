// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.TaskList;
import org.xenhpt.itests.guest.TestGuest;

/** A guest in which processes begin and end all the time: the others are shown all the same, each time. */
class BusyGuestTest {
    private static final int READINGS = 50;

    @Test
    void showsWhatLivedThroughTheReading() throws IOException {
        try (TestGuest guest = TestGuest.boot(GuestSpec.of("bookworm-amd64").cpus(2).append("hpt.churn"))) {
            TaskList before = guest.list();
            String uri = guest.uri();
            List<List<JsonNode>> answers = Hpt.script(("ps " + uri + " --json -T\n").repeat(READINGS)).ok().arrays();
            TaskList after = guest.list();
            assertThat(answers).hasSize(READINGS);
            // The youngest are still called as their parent.
            answers.forEach(answer -> new Agreement(before, after, true).check(answer,
                    name -> name.startsWith("brief") || name.equals("churn")));
            assertThat(guest.wasStopped()).isFalse();
        }
    }
}
