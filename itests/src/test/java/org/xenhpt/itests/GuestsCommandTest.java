// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.TestGuest;

/** {@code hpt guests} finds the QEMUs that run. */
class GuestsCommandTest {
    @Test
    void listsARunningQemu() throws IOException {
        try (TestGuest guest = TestGuest.boot(GuestSpec.of("bookworm-amd64").cpus(2))) {
            JsonNode row = known(guest);
            assertThat(row.get("state").asText()).isEqualTo("running");
            assertThat(row.get("memory").longValue()).isEqualTo(256L << 20);
            assertThat(row.get("vcpus").intValue()).isEqualTo(2);
            guest.stop();
            assertThat(known(guest).get("state").asText()).isEqualTo("paused");
        }
    }

    /** Of a QEMU that is slow to answer, or that another hpt asks just then, hpt says that its state is unknown. */
    private static JsonNode known(TestGuest guest) throws IOException {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
        JsonNode row = row(guest);
        while (row.get("state").asText().equals("unknown") && System.nanoTime() < end) {
            row = row(guest);
        }
        return row;
    }

    /** Not for a whole answer: another test's guest may end while hpt looks at it. */
    private static JsonNode row(TestGuest guest) throws IOException {
        Hpt.Result result = Hpt.run("guests", "--json");
        List<JsonNode> rows = new ArrayList<>();
        new ObjectMapper().readTree(result.out()).forEach(rows::add);
        return rows.stream().filter(row -> row.get("guest").asText().equals(guest.uri())).findFirst()
                .orElseThrow(() -> new AssertionError(guest.uri() + " is not in " + result));
    }
}
