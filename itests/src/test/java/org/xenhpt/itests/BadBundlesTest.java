// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A bundle that throws, hangs or leaks: it is named, and everything else goes on. */
class BadBundlesTest {
    private static final String CULPRIT = "bundle vendor.bad 1.0.0";

    @TempDir
    private Path folder;
    private PluginDistribution distribution;

    @BeforeEach
    void copyDistribution() throws IOException {
        distribution = new PluginDistribution(folder, Map.of("hpt.limit.listing", "10", "hpt.limit.attach", "30"));
        distribution.drop("bad", "1.0.0", PluginDistribution.source("Bad", Map.of("SAMPLE",
                distribution.sample().toString())));
    }

    private static List<String> tasks(List<JsonNode> rows) {
        return rows.stream().map(row -> row.get("pid") + " " + row.get("name").asText()).toList();
    }

    private RunningShell shell(List<String> expected) {
        RunningShell shell = new RunningShell(distribution.home(), folder.resolve("messages"), "--no-cache");
        shell.askUntil("plugins --json", "the bad one is up", rows -> rows.stream().anyMatch(row -> Stream.of("backend bad:",
                "command leak", "command throw").allMatch(row.get("gives").asText()::contains)));
        assertThat(tasks(shell.ask("ps --json"))).isEqualTo(expected);
        return shell;
    }

    private void asksBadly(RunningShell shell, String how, String message, List<String> expected) {
        shell.tell("ps bad:" + how + ":" + distribution.sample());
        shell.awaitMessage(message);
        assertThat(tasks(shell.ask("ps --json"))).as("another guest, after " + how).isEqualTo(expected);
    }

    @Test
    void whatThrowsIsNamed() {
        List<String> expected = tasks(Hpt.run("ps", "--json").rows());
        try (RunningShell shell = shell(expected)) {
            asksBadly(shell, "exception", CULPRIT + " failed: java.lang.IllegalStateException: bad luck at vendor.bad.",
                    expected);
            asksBadly(shell, "overflow", CULPRIT + " failed: java.lang.StackOverflowError at vendor.bad.Activator.overflow",
                    expected);
            asksBadly(shell, "linkage", CULPRIT + " failed: java.lang.NoClassDefFoundError: no/such/Type", expected);
            asksBadly(shell, "open-exception", "hpt: backend: bad:open-exception:" + distribution.sample() + ": " + CULPRIT
                    + " failed: java.lang.IllegalStateException: bad luck", expected);
            shell.tell("throw");
            shell.awaitMessage("hpt: command: throw: " + CULPRIT + " failed: java.lang.StackOverflowError");
            shell.ask("guests --json");
            shell.awaitMessage(CULPRIT + " failed: java.lang.UnsupportedOperationException: guests");
            assertThat(tasks(shell.ask("ps --json"))).isEqualTo(expected);
        }
    }

    @Test
    void whatHangsIsNamedAndLeftBehind() {
        List<String> expected = tasks(Hpt.run("ps", "--json").rows());
        try (RunningShell shell = shell(expected)) {
            for (String how : List.of("sleep", "loop")) {
                String guest = "bad:" + how + ":" + distribution.sample();
                shell.tell("ps " + guest);
                shell.awaitMessage("hpt: decoder: " + guest + ": no answer after");
                assertThat(shell.messages()).containsPattern("no answer after \\d+ s from " + CULPRIT
                        + "; it is at vendor\\.bad\\.Activator\\S+; the call was left behind");
                assertThat(tasks(shell.ask("ps --json"))).as("another guest, after " + how).isEqualTo(expected);
            }
            asksBadly(shell, "open-sleep", "hpt: backend: bad:open-sleep:" + distribution.sample() + ": no answer after",
                    expected);
            shell.tell("ps bad:open-sleep:" + distribution.sample());
            shell.awaitMessage(CULPRIT + " has not come back from an earlier call for this guest");
            assertThat(tasks(shell.ask("ps bad:well:" + distribution.sample() + " --json"))).as("its other guests")
                    .isEqualTo(expected);
        }
    }

    @Test
    void whatItLeavesOpenIsClosedWhenItGoes() throws IOException {
        List<String> expected = tasks(Hpt.run("ps", "--json").rows());
        try (RunningShell shell = shell(expected)) {
            shell.tell("leak");
            assertThat(tasks(shell.ask("ps --json"))).isEqualTo(expected);
            distribution.remove("bad");
            shell.awaitMessage("A session was left open by " + CULPRIT);
            assertThat(tasks(shell.ask("ps --json"))).isEqualTo(expected);
        }
    }
}
