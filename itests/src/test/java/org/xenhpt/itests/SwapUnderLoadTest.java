// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Three guests are listed at full speed in one platform while profiles, decoders and backends come, are exchanged and go at
 * random. {@code -Dhpt.swap.seconds=300} makes it longer, {@code -Dhpt.swap.seed=N} repeats one.
 */
class SwapUnderLoadTest {
    private static final double SECONDS = Double.parseDouble(System.getProperty("hpt.swap.seconds", "25"));
    private static final long SEED = Long.getLong("hpt.swap.seed", System.nanoTime());
    private static final int VERSIONS = 3;

    @TempDir
    private Path folder;

    @TempDir
    private Path profiles;

    private PluginDistribution distribution;
    private final Random random = new Random(SEED);
    private final Set<String> there = new HashSet<>();

    private void exchange(String profile) throws IOException {
        List<Runner> all = List.of(() -> profile(profile), () -> bundle("decoder"), () -> bundle("worse"),
                () -> bundle("copy"), () -> bundle("other"));
        all.get(random.nextInt(all.size())).run();
    }

    private interface Runner {
        void run() throws IOException;
    }

    private void profile(String good) throws IOException {
        Path file = profiles.resolve("sample.yaml");
        switch (random.nextInt(4)) {
            case 0 -> Files.deleteIfExists(file);
            case 1 -> Files.writeString(file, good + "symbols: [\n");
            default -> {
                Path made = folder.resolve("profile");
                Files.writeString(made, good.replaceFirst("(?m)^( +source:).*$", "$1 swapped-" + random.nextInt(1000)));
                Files.move(made, file, StandardCopyOption.REPLACE_EXISTING);
            }
        }
    }

    private String source(String name) {
        return switch (name) {
            case "decoder" -> PluginDistribution.decoder("theirs", 500);
            case "worse" -> PluginDistribution.decoder("theirs", 400);
            case "copy" -> PluginDistribution.backend("copy", 0);
            default -> PluginDistribution.backend("copy", 10);
        };
    }

    private void bundle(String name) throws IOException {
        if (there.contains(name) && random.nextInt(3) == 0) {
            there.remove(name);
            distribution.remove(name);
        } else {
            there.add(name);
            distribution.drop(name, (1 + random.nextInt(VERSIONS)) + ".0.0", source(name));
        }
    }

    private static int count(List<JsonNode> rows, String what) {
        return rows.stream().filter(row -> row.get("what").asText().startsWith(what))
                .mapToInt(row -> row.get("count").asInt()).sum();
    }

    @Test
    void noListingIsWrongAndNothingIsLeftBehind() throws IOException {
        System.out.println("swap under load: " + SECONDS + " s, -Dhpt.swap.seed=" + SEED);
        distribution = new PluginDistribution(folder, Map.of());
        Path sample = distribution.sample();
        Path second = Files.createLink(folder.resolve("second.kdump"), sample);
        Path third = Files.createLink(folder.resolve("third.kdump"), sample);
        Path made = folder.resolve("made.yaml");
        Hpt.run("profile", "make", sample.toString(), "-o", made.toString()).ok();
        String profile = Files.readString(made);
        for (String name : List.of("decoder", "worse", "copy", "other")) {
            for (int version = 1; version <= VERSIONS; version++) {
                distribution.make(name, version + ".0.0", source(name));
            }
        }
        distribution.drop("load", "1.0.0", PluginDistribution.source("Load", Map.of()));
        bundle("copy");
        try (RunningShell shell = new RunningShell(distribution.home(), folder.resolve("messages"), "--no-cache",
                "--profiles", profiles.toString())) {
            shell.askUntil("plugins --json", "the load is there", rows -> rows.toString().contains("command load")
                    && rows.toString().contains("backend copy:"));
            StringBuilder expected = new StringBuilder();
            shell.ask("ps --json").forEach(row -> expected.append(row.get("pid")).append(' ').append(row.get("ppid"))
                    .append(' ').append(row.get("name").asText()).append(';'));
            shell.ask("ps copy:" + third + " --json");
            List<JsonNode> before = shell.ask("left");

            shell.tell("load " + SECONDS + " file:" + sample + " file:" + second + " copy:" + third);
            // Without its backend a guest cannot be attached to; once attached, it outlives exchanges.
            shell.awaitMessage("load: every guest was listed");
            long end = System.nanoTime() + (long) (SECONDS * 1e9);
            int exchanges = 0;
            while (System.nanoTime() < end) {
                exchange(profile);
                exchanges++;
                RunningShell.pause(Duration.ofMillis(100 + random.nextInt(700)));
            }
            List<JsonNode> reports = shell.next((int) SECONDS + 120);
            System.out.println(exchanges + " exchanges: " + reports);
            assertThat(reports).hasSize(3).allSatisfy(report -> {
                assertThat(report.get("wrongs").asInt()).as(report.toString()).isZero();
                assertThat(report.get("expected").asText()).isEqualTo(expected.toString());
                assertThat(report.get("right").asInt()).isPositive();
                for (String reason : failures(report)) {
                    assertThat(reason).as(report.get("messages").asText()).isIn("TAKEN_AWAY");
                }
                if (!failures(report).isEmpty()) {
                    assertThat(report.get("messages").asText()).contains("of bundle vendor.").contains("was taken away");
                }
            });

            for (String name : List.copyOf(there)) {
                distribution.remove(name);
            }
            Files.deleteIfExists(profiles.resolve("sample.yaml"));
            shell.askUntil("plugins --json", "all are gone", rows -> rows.stream()
                    .filter(row -> row.get("name").asText().startsWith("vendor.")).count() == 1);
            shell.ask("ps --json");
            List<JsonNode> after = shell.askUntil("left", "no class loader is left", rows -> count(rows, "loader ") == 0
                    && count(rows, "thread ") <= count(before, "thread ") + 1);
            System.out.println("left: " + after);
            assertThat(count(after, "all class loaders")).isGreaterThan(3);
            assertThat(count(after, "thread hpt-plugin")).isZero();
        }
    }

    private static List<String> failures(JsonNode report) {
        List<String> reasons = new ArrayList<>();
        for (String each : report.get("failures").asText().replaceAll("[{}]", "").split(", ")) {
            if (!each.isEmpty()) {
                reasons.add(each.replaceAll("=.*", ""));
            }
        }
        return reasons;
    }
}
