// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The archive of loaded classes, which the first command in a new place makes for those after it. */
class ArchiveTest {
    @TempDir
    private Path folder;

    @Test
    void theFirstCommandMakesItAndTheNextOneLoadsItsClassesFromIt() throws IOException {
        Path home = new PluginDistribution(folder, Map.of()).home();
        Path log = folder.resolve("loaded");
        List<JsonNode> first = ps(home, log);
        assertThat(Files.readString(log)).contains("org.xenhpt.launcher.Main source: ").doesNotContain(
                "org.xenhpt.launcher.Main source: shared objects file");
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(5);
        while (!isMade(home.resolve("cache"))) {
            assertThat(System.nanoTime()).as("the archive is made within its time").isLessThan(end);
            RunningShell.pause(Duration.ofMillis(100));
        }
        assertThat(ps(home, log)).isEqualTo(first);
        assertThat(Files.readString(log)).contains("org.xenhpt.launcher.Main source: shared objects file");
    }

    private static List<JsonNode> ps(Path home, Path log) {
        return Hpt.process(List.of(home.resolve("bin/hpt").toString(), "ps", "--json"), "", Map.of("HPT_NO_ARCHIVE", "",
                "HPT_JAVA_OPTS", "-Xlog:class+load:file=" + log)).rows();
    }

    /** What it is made in is gone again, too. */
    private static boolean isMade(Path cache) throws IOException {
        try (Stream<Path> files = Files.list(cache)) {
            List<String> archives = files.map(file -> file.getFileName().toString())
                    .filter(name -> name.startsWith("classes")).toList();
            return archives.size() == 1 && archives.get(0).endsWith(".jsa");
        }
    }
}
