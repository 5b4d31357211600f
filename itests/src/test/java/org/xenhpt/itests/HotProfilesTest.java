// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.profiles.FolderProfiles;
import org.xenhpt.testkit.LaidOutLinux;

/** Profiles that come, change and go while a shell of the distribution is up. */
class HotProfilesTest {
    private static final String FROM_FOLDER = "profiles folder";

    /** A file is whole when it looks the same twice, with this between: a writer that pauses so long has finished. */
    private static final Duration SETTLED = Duration.ofMillis(300);

    @TempDir
    private Path folder;

    @TempDir
    private Path elsewhere;

    /** Where the sample's profile comes from. */
    private static String source(List<JsonNode> findings) {
        return findings.stream().filter(row -> row.get("what").asText().equals("profile")).map(row -> row.get("how").asText())
                .findFirst().orElse("none");
    }

    private static List<String> names(List<JsonNode> tasks) {
        return tasks.stream().map(row -> row.get("name").asText()).sorted().toList();
    }

    private Path made() {
        Path made = elsewhere.resolve("made.yaml");
        Hpt.run("profile", "make", Hpt.home().resolve("sample/sample.kdump").toString(), "-o", made.toString()).ok();
        return made;
    }

    @Test
    void aProfileComesChangesBreaksAndGoes() throws IOException {
        String good = Files.readString(made());
        try (RunningShell shell = new RunningShell(Hpt.home(), elsewhere.resolve("messages"), "--profiles",
                folder.toString())) {
            List<String> tasks = names(shell.ask("ps --json"));
            assertThat(source(shell.ask("identify --json"))).doesNotContain(FROM_FOLDER);

            Path file = folder.resolve("sample.yaml");
            Files.writeString(file, good);
            shell.askUntil("identify --json", "the new profile is used", rows -> source(rows).contains(FROM_FOLDER));
            assertThat(names(shell.ask("ps --json"))).isEqualTo(tasks);

            Files.writeString(elsewhere.resolve("changed"), good.replaceFirst("(?m)^( +source:).*$", "$1 changed-by-test"));
            Files.move(elsewhere.resolve("changed"), file, StandardCopyOption.REPLACE_EXISTING);
            shell.askUntil("identify --json", "the changed profile is used",
                    rows -> source(rows).contains("changed-by-test"));
            assertThat(names(shell.ask("ps --json"))).isEqualTo(tasks);

            Files.writeString(file, good);
            shell.askUntil("identify --json", "the profile is as it was", rows -> source(rows).contains(FROM_FOLDER)
                    && !source(rows).contains("changed-by-test"));

            Files.writeString(file, good + "symbols: [\n");
            shell.awaitMessage("what it said before stays in force");
            assertThat(shell.messages()).containsPattern("sample\\.yaml:\\d+:\\d+: .*refused");
            assertThat(source(shell.ask("identify --json"))).contains(FROM_FOLDER);
            assertThat(names(shell.ask("ps --json"))).isEqualTo(tasks);

            Files.delete(file);
            shell.askUntil("identify --json", "the profile is given up", rows -> !source(rows).contains(FROM_FOLDER));
            assertThat(names(shell.ask("ps --json"))).isEqualTo(tasks);
        }
    }

    @Test
    void aFileThatIsStillWrittenIsNotRead() throws IOException {
        String good = Files.readString(made());
        for (int attempt = 0; attempt < 10; attempt++) {
            Path messages = elsewhere.resolve("messages" + attempt);
            Path profiles = Files.createDirectory(elsewhere.resolve("profiles" + attempt));
            try (RunningShell shell = new RunningShell(Hpt.home(), messages, "--profiles", profiles.toString())) {
                shell.ask("ps --json");
                Duration longest = writeSlowly(profiles.resolve("sample.yaml"), good);
                shell.askUntil("identify --json", "the whole profile is used", rows -> source(rows).contains(FROM_FOLDER));
                if (longest.compareTo(SETTLED) < 0) {
                    assertThat(shell.messages()).doesNotContain("refused");
                    return;
                }
            }
        }
        throw new AssertionError("this machine cannot write a file without a pause of " + SETTLED);
    }

    /** Gives the longest time in which the file may have looked the same. */
    private static Duration writeSlowly(Path file, String text) throws IOException {
        long longest = 0;
        long before = 0;
        int step = text.length() / 20;
        for (int end = step; ; end = Math.min(end + step, text.length())) {
            long begin = System.nanoTime();
            Files.writeString(file, text.substring(0, end));
            if (end > step) {
                longest = Math.max(longest, System.nanoTime() - before);
            }
            if (end == text.length()) {
                return Duration.ofNanos(longest);
            }
            before = begin;
            RunningShell.pause(Duration.ofMillis(100));
        }
    }

    @Test
    void aFolderThatOthersMayWriteToIsRefused() throws IOException {
        Files.copy(made(), folder.resolve("sample.yaml"));
        try (RunningShell shell = new RunningShell(Hpt.home(), elsewhere.resolve("messages"), "--profiles",
                folder.toString())) {
            assertThat(source(shell.ask("identify --json"))).contains(FROM_FOLDER);
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxrwxrwx"));
            shell.askUntil("identify --json", "the folder is refused", rows -> !source(rows).contains(FROM_FOLDER));
            assertThat(shell.messages()).contains("is refused: others than its owner may write to it: chmod go-w " + folder);
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
            shell.askUntil("identify --json", "the folder is used again", rows -> source(rows).contains(FROM_FOLDER));
        }
    }

    @Test
    void listingsThatGoOnFollowAProfileThatComesChangesAndGoes() throws IOException {
        // Of one command, as in scripts: no shell.
        Path made = made();
        String good = Files.readString(made);
        String sample = Hpt.home().resolve("sample/sample.kdump").toString();
        Path messages = elsewhere.resolve("messages");
        try (RunningShell listing = new RunningShell(Hpt.home(), messages, "ps", sample, "--interval", "0.1", "--json",
                "--profiles", folder.toString(), "--no-cache")) {
            List<String> tasks = names(listing.next());
            Path file = folder.resolve("sample.yaml");
            Files.copy(made, file);
            followed(listing, "is read with the profile sample, made from guest-memory", tasks);
            Files.writeString(elsewhere.resolve("changed"), good.replaceFirst("(?m)^( +source:).*$", "$1 changed-by-test"));
            Files.move(elsewhere.resolve("changed"), file, StandardCopyOption.REPLACE_EXISTING);
            followed(listing, "is read with the profile sample, made from changed-by-test", tasks);
            Files.delete(file);
            followed(listing, "is read with the profile 6", tasks);
            listing.interrupt();
        }
    }

    @Test
    void aGuestWaitsForItsProfile() throws IOException, URISyntaxException {
        // An old kernel without symbols of its own, and nobody who infers: only a profile helps.
        PluginDistribution distribution = new PluginDistribution(elsewhere, Map.of());
        distribution.without("xenhpt-inference");
        Path profile = Path.of(PaperTest.class.getResource("3.2.0-33-generic.yaml").toURI());
        LaidOutLinux linux = new LaidOutLinux(FolderProfiles.ofAnyone(profile.getParent()).read(profile).profile().orElseThrow(),
                8 << 10, false);
        linux.process(900, linux.process(1, linux.initTask(), 0, "init"), 101, "proxyd");
        Path image = elsewhere.resolve("guest");
        linux.memory().writeTo(image);
        try (RunningShell listing = new RunningShell(distribution.home(), elsewhere.resolve("messages"), "ps",
                image.toString(), "--interval", "0.1", "--json", "--profiles", folder.toString(), "--no-cache")) {
            listing.awaitMessage("hpt: waiting: ");
            assertThat(listing.messages()).contains("no profile for kernel 3.2.0-33-generic");
            Files.copy(profile, folder.resolve("theirs.yaml"));
            assertThat(names(listing.next())).containsExactly("init", "proxyd");
            assertThat(listing.messages()).contains("is read with the profile theirs");
            listing.interrupt();
        }
    }

    private static void followed(RunningShell listing, String message, List<String> tasks) {
        for (int i = 0; i < 2_000 && !listing.messages().contains(message); i++) {
            assertThat(names(listing.next())).isEqualTo(tasks);
        }
        assertThat(listing.messages()).contains(message);
    }
}
