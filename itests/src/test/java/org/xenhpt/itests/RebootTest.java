// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
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
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    /** A shell of hpt that stays attached. */
    private static final class Shell implements AutoCloseable {
        private final Process process;
        private final BufferedWriter in;
        private final BufferedReader out;

        Shell(Path errors) throws IOException {
            process = new ProcessBuilder(Hpt.home().resolve("bin/hpt").toString()).redirectError(errors.toFile()).start();
            in = process.outputWriter(StandardCharsets.UTF_8);
            out = process.inputReader(StandardCharsets.UTF_8);
        }

        /** Runs a command, and another whose last line is known: what comes before that is the first one's answer. */
        List<String> ask(String command) throws IOException {
            in.write(command + "\nhelp exit-codes --csv\n");
            in.flush();
            List<String> lines = new ArrayList<>();
            for (String line = out.readLine(); line != null && !line.equals("code,meaning"); line = out.readLine()) {
                lines.add(line);
            }
            for (String line = ""; line != null && !line.startsWith("141,");) {
                line = out.readLine();
            }
            return lines;
        }

        @Override
        public void close() {
            process.destroy();
        }
    }

    private static List<JsonNode> tasks(List<String> lines) throws IOException {
        List<JsonNode> tasks = new ArrayList<>();
        for (String line : lines) {
            tasks.add(JSON.readTree(line));
        }
        return tasks;
    }

    /** What no two boots have in common: where tasks lie, and when they started. */
    private static Set<String> marks(List<JsonNode> tasks) {
        Set<String> marks = new HashSet<>();
        tasks.forEach(task -> marks.add(task.get("address").asText() + " " + task.get("start").asText()));
        return marks;
    }

    private void reboots(String kernel) throws IOException {
        Path errors = folder.resolve(kernel + ".err");
        try (TestGuest guest = TestGuest.boot(GuestSpec.of(kernel)); Shell shell = new Shell(errors)) {
            String ps = "ps " + guest.uri() + " --ndjson";
            Set<String> before = marks(tasks(shell.ask(ps)));
            assertThat(before).hasSizeGreaterThan(20);
            guest.reset();
            // Until the new boot is there the old one's list may be seen, or none; never a mixture.
            for (int i = 0; i < 20; i++) {
                Set<String> meanwhile = marks(tasks(shell.ask(ps)));
                Set<String> both = new HashSet<>(meanwhile);
                both.retainAll(before);
                assertThat(both.size()).isIn(0, meanwhile.size());
            }
            guest.awaitUp();
            var truth = guest.list();
            // The seconds of an idle clock are one of the signs.
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
            List<JsonNode> after = List.of();
            while (System.nanoTime() < end && (after.isEmpty() || before.containsAll(marks(after)))) {
                after = tasks(shell.ask("ps " + guest.uri() + " --ndjson -T"));
            }
            new Agreement(truth, guest.list(), true).check(after);
            assertThat(Files.readString(errors)).contains("rebooted, with the same kernel " + guest.release());
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
