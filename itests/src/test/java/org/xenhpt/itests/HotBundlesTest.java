// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Backends and decoders that come, are updated and go while a shell of the distribution is up and has guests open. */
class HotBundlesTest {
    @TempDir
    private Path folder;
    private PluginDistribution distribution;
    private String copy;

    @BeforeEach
    void copyDistribution() throws IOException {
        distribution = new PluginDistribution(folder, Map.of());
        copy = "copy:" + distribution.sample();
    }

    private RunningShell shell() {
        return new RunningShell(distribution.home(), folder.resolve("messages"), "--no-cache");
    }

    private static List<String> tasks(List<JsonNode> rows) {
        return rows.stream().map(row -> row.get("pid") + " " + row.get("name").asText()).toList();
    }

    private static String decoder(List<JsonNode> findings) {
        return findings.stream().filter(row -> row.get("what").asText().equals("decoder")).map(row ->
                row.get("value").asText()).findFirst().orElse("none");
    }

    private static boolean isUp(List<JsonNode> plugins, String name, String version) {
        return plugins.stream().anyMatch(row -> row.get("name").asText().equals(name)
                && row.get("version").asText().equals(version) && row.get("state").asText().equals("active"));
    }

    private void awaitUp(RunningShell shell, String name, String version) {
        shell.askUntil("plugins --json", name + " " + version + " is up", rows -> isUp(rows, name, version));
    }

    @Test
    void anOpenGuestOutlivesTheUpdateOfItsBackendAndTellsOfItsRemoval() throws IOException {
        distribution.drop("copy", "1.0.0", PluginDistribution.backend("copy", 0));
        try (RunningShell shell = shell()) {
            awaitUp(shell, "vendor.copy", "1.0.0");
            List<String> expected = tasks(shell.ask("ps --json"));
            shell.tell("ps " + copy + " --interval 0.05 --json");
            assertThat(tasks(shell.next())).isEqualTo(expected);
            distribution.drop("copy", "2.0.0", PluginDistribution.backend("copy", 0));
            String goesOver = "is read through copy of bundle vendor.copy 2.0.0 from now on";
            for (int i = 0; i < 4_000 && !shell.messages().contains(goesOver); i++) {
                assertThat(tasks(shell.next())).isEqualTo(expected);
            }
            assertThat(shell.messages()).contains(goesOver);
            distribution.remove("copy");
            shell.tell("plugins --json");
            List<JsonNode> rows = shell.next();
            for (; rows.get(0).has("pid"); rows = shell.next()) {
                assertThat(tasks(rows)).isEqualTo(expected);
            }
            assertThat(shell.messages()).contains("hpt: backend: " + copy
                    + ": backend copy of bundle vendor.copy 2.0.0 was taken away, and nothing takes its place");
            assertThat(tasks(shell.ask("ps --json"))).as("other guests").isEqualTo(expected);
            distribution.drop("copy", "3.0.0", PluginDistribution.backend("copy", 0));
            awaitUp(shell, "vendor.copy", "3.0.0");
            assertThat(tasks(shell.ask("ps " + copy + " --json"))).isEqualTo(expected);
        }
    }

    @Test
    void theHigherRankServesASchemeAndAnOpenGuestGoesOver() throws IOException {
        distribution.drop("low", "1.0.0", PluginDistribution.backend("copy", 0));
        try (RunningShell shell = shell()) {
            awaitUp(shell, "vendor.low", "1.0.0");
            List<String> expected = tasks(shell.ask("ps " + copy + " --json"));
            assertThat(shell.ask("guests --json").toString()).contains("copy:seen-by-1.0.0");
            distribution.drop("high", "2.0.0", PluginDistribution.backend("copy", 10));
            shell.askUntil("guests --json", "the higher one is asked", rows -> rows.toString().contains("seen-by-2.0.0"));
            assertThat(shell.ask("guests --json").toString()).doesNotContain("seen-by-1.0.0");
            assertThat(tasks(shell.ask("ps " + copy + " --json"))).isEqualTo(expected);
            assertThat(shell.messages()).contains("is read through copy of bundle vendor.high 2.0.0 from now on");
            distribution.drop("high", "3.0.0", PluginDistribution.backend("copy", -10));
            awaitUp(shell, "vendor.high", "3.0.0");
            assertThat(tasks(shell.ask("ps " + copy + " --json"))).isEqualTo(expected);
            assertThat(shell.messages()).contains("is read through copy of bundle vendor.low 1.0.0 from now on");
        }
    }

    @Test
    void anOpenGuestFollowsDecoders() throws IOException {
        try (RunningShell shell = shell()) {
            List<String> expected = tasks(shell.ask("ps --json"));
            String own = decoder(shell.ask("identify --json"));
            assertThat(own).startsWith("linux-");
            distribution.drop("decoder", "1.0.0", PluginDistribution.decoder("theirs", 500));
            shell.askUntil("identify --json", "theirs is used", rows -> decoder(rows).equals("theirs-1.0.0"));
            assertThat(tasks(shell.ask("ps --json"))).isEqualTo(expected);
            distribution.drop("decoder", "2.0.0", PluginDistribution.decoder("theirs", 500));
            shell.askUntil("identify --json", "the new one is used", rows -> decoder(rows).equals("theirs-2.0.0"));
            assertThat(tasks(shell.ask("ps --json"))).isEqualTo(expected);
            distribution.remove("decoder");
            shell.askUntil("identify --json", "the distribution's is used", rows -> decoder(rows).equals(own));
            assertThat(tasks(shell.ask("ps --json"))).isEqualTo(expected);
            assertThat(shell.messages()).contains("by decoder theirs-2.0.0 of bundle vendor.decoder 2.0.0 from now on")
                    .contains("by decoder " + own + " of bundle org.xenhpt.");
        }
    }

    @Test
    void aGuestWaitsForItsDecoderAndTellsThatItWasTakenAway() throws IOException {
        List<String> expected = tasks(Hpt.run("ps", "--json").rows());
        Path bundles = distribution.home().resolve("bundles");
        Path aside = Files.createDirectory(folder.resolve("decoders"));
        try (Stream<Path> files = Files.list(bundles)) {
            for (Path file : files.filter(each -> each.getFileName().toString().startsWith("xenhpt-decoder")).toList()) {
                Files.move(file, aside.resolve(file.getFileName()));
            }
        }
        try (RunningShell shell = shell(); Stream<Path> decoders = Files.list(aside)) {
            shell.tell("ps --interval 0.1 --json");
            shell.awaitMessage("none of the decoders [] fits it");
            assertThat(shell.messages()).contains("hpt: waiting: ");
            for (Path decoder : decoders.toList()) {
                Files.move(decoder, distribution.deploy().resolve(decoder.getFileName()));
            }
            assertThat(tasks(shell.next())).isEqualTo(expected);
            try (Stream<Path> deployed = Files.list(distribution.deploy())) {
                for (Path decoder : deployed.filter(each -> each.toString().endsWith(".jar")).toList()) {
                    Files.delete(decoder);
                }
            }
            shell.tell("plugins --json");
            List<JsonNode> rows = shell.next();
            while (rows.get(0).has("pid")) {
                assertThat(tasks(rows)).isEqualTo(expected);
                rows = shell.next();
            }
            assertThat(shell.messages()).containsPattern(
                    "hpt: decoder: .*: decoder linux-\\S+ of bundle \\S+ \\S+ was taken away, and nothing takes its place");
        }
    }

    @Test
    void guestsComeAndGoWithAddressTranslation() throws IOException {
        Path own;
        try (Stream<Path> files = Files.list(distribution.home().resolve("bundles"))) {
            own = files.filter(each -> each.getFileName().toString().startsWith("xenhpt-translation")).findFirst().orElseThrow();
        }
        Path aside = Files.move(own, folder.resolve(own.getFileName()));
        Path deployed = distribution.deploy().resolve(own.getFileName());
        try (RunningShell shell = shell()) {
            List<String> expected = tasks(Hpt.run("ps", "--json").rows());
            assertThat(shell.find("ps --json")).isEmpty();
            assertThat(shell.messages()).contains("no bundle that gives address translation is installed");
            for (int round = 0; round < 2; round++) {
                Files.copy(aside, deployed, StandardCopyOption.COPY_ATTRIBUTES);
                shell.askUntil("plugins --json", "translation is there", HotBundlesTest::translates);
                // The front end hears of it a moment later.
                assertThat(tasks(shell.findUntil("ps --json", "a list", rows -> true))).isEqualTo(expected);
                Files.delete(deployed);
                shell.askUntil("plugins --json", "translation went", rows -> !translates(rows));
                assertThat(shell.find("ps --json")).isEmpty();
            }
        }
    }

    private static boolean translates(List<JsonNode> plugins) {
        return plugins.stream().anyMatch(row -> row.get("gives").asText().contains("address translation"));
    }
}
