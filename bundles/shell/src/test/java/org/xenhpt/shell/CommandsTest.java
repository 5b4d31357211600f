// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.xenhpt.shell.FakePlatform.task;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Gap;
import org.xenhpt.api.process.Location;
import org.xenhpt.api.process.LocationStep;
import org.xenhpt.api.kernel.Attempt;
import org.xenhpt.api.kernel.Clue;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskField;
import picocli.CommandLine;
import picocli.CommandLine.Command;

class CommandsTest {
    private final FakePlatform platform = new FakePlatform();

    private JsonNode json() throws IOException {
        return new ObjectMapper().readTree(platform.out());
    }

    @Test
    void psShowsWhatPsShows() {
        platform.tasks.add(task(1, 0, "init"));
        platform.tasks.add(new Task(0xffff888000001000L, 2, 2, 0, 'I', 0, 0, 0, 90_061_000_000_000L, "kthreadd", true));
        platform.tasks.add(new Task(0xffff888000002000L, 300, 300, 1, 'Z', Task.UNKNOWN, 0, Task.UNKNOWN, Task.UNKNOWN,
                "ev\u001b[2Jil", false));
        assertThat(platform.hpt("ps", "qemu:a")).isZero();
        assertThat(platform.out()).isEqualTo("""
                 UID PID PPID S START       TIME NAME
                1000   1    0 S 22:13   00:01:01 init
                   0   2    0 I 22:13 1-01:01:01 [kthreadd]
                   ? 300    1 Z     ?          ? ev\\x1b[2Jil <defunct>
                """);
        assertThat(platform.closed).isOne();
    }

    @Test
    void startIsTheDayOrTheYearWhenItIsNotToday() {
        platform.tasks.add(task(1, 0, "old"));
        platform.tasks.add(new Task(0, 2, 2, 0, 'S', 0, 0, 20L * 86_400 * 1_000_000_000L, 0, "a", false));
        assertThat(platform.hpt("ps", "qemu:a", "-o", "start,name")).isZero();
        assertThat(platform.out()).isEqualTo("START NAME\nNov14 old\n22:13 a\n");
    }

    @Test
    void startIsSecondsAfterBootWhenTheClockIsUnknown() throws IOException {
        platform.boot = Task.UNKNOWN;
        platform.tasks.add(task(12, 0, "a"));
        assertThat(platform.hpt("ps", "qemu:a", "-o", "start")).isZero();
        assertThat(platform.out()).isEqualTo(" START\n+12.00s\n".replace(" START", "  START"));
    }

    @Test
    void psJsonHasTheDocumentedKeys() throws IOException {
        platform.tasks.add(task(1, 0, "init"));
        platform.tasks.add(new Task(0xffff888000001000L, 3, 1, 0, 'R', 5, 6, 1_250_000_000L, Task.UNKNOWN, "thread", false));
        assertThat(platform.hpt("ps", "qemu:a", "--json", "-T")).isZero();
        JsonNode thread = json().get(1);
        assertThat(thread.toString()).isEqualTo("{\"pid\":3,\"tid\":3,\"tgid\":1,\"ppid\":0,\"state\":\"R\",\"uid\":5,"
                + "\"gid\":6,\"name\":\"thread\",\"start\":1.25,\"startTime\":\"2023-11-14T22:13:21.250Z\",\"cpu\":null,"
                + "\"kernel\":false,\"address\":\"0xffff888000001000\",\"confidence\":1}");
        platform.hpt("help", "json");
        thread.fieldNames().forEachRemaining(key -> assertThat(platform.out()).contains("\n  " + key + " "));
    }

    @Test
    void helpTellsHowBundlesAreTrusted() {
        assertThat(platform.hpt("help", "trust")).isZero();
        assertThat(platform.out()).contains("hpt.trust=signed").contains("keytool -importcert").contains("jarsigner -keystore");
    }

    @Test
    void psWithThreadsShowsProcessAndThread() {
        platform.tasks.add(new Task(0, 3, 1, 0, 'R', 5, 6, 0, 0, "thread", false));
        assertThat(platform.hpt("ps", "qemu:a", "-T", "-o", "pid,tid")).isZero();
        assertThat(platform.out()).isEqualTo("PID TID\n  1   3\n");
    }

    @Test
    void psPicksColumnsAndReadsOnlyWhatTheyNeed() {
        platform.tasks.add(task(1, 0, "init"));
        assertThat(platform.hpt("ps", "qemu:a", "-o", "ppid,LWP", "-o", "stat", "--csv")).isZero();
        assertThat(platform.out()).isEqualTo("ppid,tid,state\r\n0,1,S\r\n");
        assertThat(platform.queries.get(0).fields()).doesNotContain(TaskField.NAME, TaskField.CPU_TIME, TaskField.UID);
    }

    /** Nothing that is not certain is shown without saying so, whatever columns are picked. */
    @Test
    void whatIsNotCertainIsMarkedInEveryOutput() throws IOException {
        platform.tasks.add(task(1, 0, "init"));
        platform.current.add(new CurrentTask(0, task(5, 1, "a"), 0x1000, 0, "memory", false));
        locates(Location.Agreement.AGREE);
        platform.confidence = 0.93;
        assertThat(platform.hpt("ps", "qemu:a", "-o", "pid", "--csv")).isZero();
        assertThat(platform.out()).isEqualTo("pid,confidence\r\n1,0.93\r\n");
        for (String command : new String[] {"ps", "tree", "current", "locate"}) {
            ((ByteArrayOutputStream) platform.results).reset();
            assertThat(platform.hpt(command, "qemu:a", "--json")).isZero();
            assertThat(json().get(0).get("confidence").doubleValue()).as(command).isEqualTo(0.93);
        }
    }

    @Test
    void explainShowsEachSourceAndWhatItMet() throws IOException {
        platform.ladder.add(new Attempt("guest memory", Attempt.Outcome.UNKNOWN, 0, "has no BTF", List.of(
                new Clue(Clue.Verdict.MISSING, "BTF", "", "no section"))));
        platform.ladder.add(new Attempt("inference", Attempt.Outcome.USED, 0.93, "made from tasks", List.of(
                new Clue(Clue.Verdict.FOUND, "task_struct.pid", "offset 0x454", "a number of its own", 85, 86),
                new Clue(Clue.Verdict.REJECTED, "init_task\u001b[2J", "GVA 0x1", "forged"))));
        platform.ladder.add(new Attempt("oracle", Attempt.Outcome.NOT_ASKED, 0, "", List.of()));
        assertThat(platform.hpt("identify", "qemu:a", "--explain")).isZero();
        assertThat(platform.out()).contains("1. guest memory").contains("missing").contains("has no BTF")
                .contains("confidence 0.93; made from tasks").contains("offset 0x454: 85 of 86: a number of its own")
                .contains("rejected").contains("GVA 0x1: forged").contains("not asked").doesNotContain("\u001b");
        ((ByteArrayOutputStream) platform.results).reset();
        assertThat(platform.hpt("identify", "qemu:a", "--explain", "--json")).isZero();
        JsonNode lines = json();
        assertThat(lines).hasSize(6);
        assertThat(lines.get(2).toString()).isEqualTo("{\"rung\":2,\"source\":\"inference\",\"outcome\":\"used\","
                + "\"what\":null,\"where\":null,\"why\":\"made from tasks\",\"agreed\":null,\"asked\":null,"
                + "\"confidence\":0.93}");
        assertThat(lines.get(3).get("agreed").intValue()).isEqualTo(85);
        assertThat(lines.get(3).get("asked").intValue()).isEqualTo(86);
    }

    @Test
    void whatHappenedToTheGuestIsTold() {
        platform.tasks.add(task(1, 0, "init"));
        platform.news.add("qemu:a rebooted, with the same kernel 6.1.0");
        assertThat(platform.hpt("ps", "qemu:a")).isZero();
        assertThat(platform.err()).contains("hpt: qemu:a rebooted, with the same kernel 6.1.0");
    }

    @Test
    void psFiltersAndSorts() {
        platform.tasks.addAll(List.of(task(1, 0, "b"), task(2, 0, "a"), task(3, 0, "b"), new Task(0, 4, 4, 2, 'I', 0, 0, 0,
                0, "kworker", true)));
        assertThat(platform.hpt("ps", "qemu:a", "-o", "name,pid", "--sort", "name,-pid", "--no-kernel")).isZero();
        assertThat(platform.out()).isEqualTo("NAME PID\na      2\nb      3\nb      1\n");
    }

    @Test
    void psOfNoSuchPidFindsNothing() {
        platform.tasks.add(task(1, 0, "b"));
        assertThat(platform.hpt("ps", "qemu:a", "-p", "7,8")).isEqualTo(ExitCodes.NOTHING_FOUND);
        assertThat(platform.hpt("ps", "qemu:a", "-p", "7,1")).isZero();
    }

    @Test
    void gapsAreWarningsAndACode() throws IOException {
        platform.tasks.add(task(1, 0, "init"));
        platform.gaps.add(new Gap("tasks after pid 1", "a \u001b circle"));
        assertThat(platform.hpt("ps", "qemu:a", "--json")).isEqualTo(14);
        assertThat(platform.err()).isEqualTo("hpt: warning: tasks after pid 1: a \\x1b circle\n");
        assertThat(json()).hasSize(1);
    }

    @Test
    void psListsAgainAndAgainInOneSession() {
        platform.tasks.add(task(1, 0, "init"));
        assertThat(platform.hpt("ps", "qemu:a", "-o", "pid,name", "--interval", "0", "--count", "3")).isZero();
        assertThat(platform.out().replaceAll("20[-0-9T:.]+Z", "NOW")).isEqualTo("""
                listing 1, NOW
                PID NAME
                  1 init

                listing 2, NOW
                PID NAME
                  1 init

                listing 3, NOW
                PID NAME
                  1 init
                """);
        assertThat(platform.attached).hasSize(1);
        assertThat(platform.queries).hasSize(3);
        assertThat(platform.err()).isEmpty();
    }

    @Test
    void repeatedListingsAreToldApartInData() {
        platform.tasks.add(task(7, 0, "a"));
        platform.hpt("ps", "qemu:a", "-o", "pid", "--interval", "0", "--count", "2", "--ndjson");
        assertThat(platform.out().replaceAll("20[-0-9T:.]+Z", "NOW")).isEqualTo("""
                {"listing":1,"at":"NOW","pid":7}
                {"listing":2,"at":"NOW","pid":7}
                """);
        platform.results = new ByteArrayOutputStream();
        platform.hpt("ps", "qemu:a", "-o", "pid", "--interval", "0.001", "--count", "2", "--csv");
        assertThat(platform.out().replaceAll("20[-0-9T:.]+Z", "NOW")).isEqualTo(
                "listing,at,pid\r\n1,NOW,7\r\n2,NOW,7\r\n");
        platform.current.add(new CurrentTask(0, task(5, 1, "a"), 0x1000, 0, "memory", false));
        platform.results = new ByteArrayOutputStream();
        platform.hpt("current", "qemu:a", "--interval", "0", "--count", "2", "--json");
        assertThat(platform.out().replaceAll("20[-0-9T:.]+Z", "NOW")).contains("[\n{\"listing\":1,\"at\":\"NOW\",\"vcpu\":0,")
                .contains("\n]\n[\n{\"listing\":2,");
        platform.hpt("help", "json");
        assertThat(platform.out()).contains("\n  listing ").contains("\n  at ");
    }

    @Test
    void aRepeatedListingEndsWithTheGuestOrTheReader() {
        platform.failure = Optional.of(new HptException(Step.BACKEND, Reason.GUEST_GONE, "qemu:a", "gone"));
        assertThat(platform.hpt("ps", "qemu:a", "--interval", "0")).isEqualTo(Reason.GUEST_GONE.exitCode());
        platform.failure = Optional.empty();
        platform.results = failing("Broken pipe");
        assertThat(platform.hpt("ps", "qemu:a", "--interval", "0")).isEqualTo(ExitCodes.READER_GONE);
    }

    @Test
    void verboseSumsUpWhatRepeatedListingsTook() {
        platform.hpt("ps", "qemu:a", "--interval", "0", "--count", "2", "--verbose");
        assertThat(platform.err()).matches("(?s)hpt: 2 listings, 0 of them late; reading the guest took .* ms on average.*\n");
    }

    @Test
    void intervalsAndCountsThatMakeNoSense() {
        for (String[] options : new String[][] {{"--interval", "-1"}, {"--interval", "NaN"}, {"--interval", "1e9"},
            {"--interval", "soon"}, {"--count", "3"}, {"--interval", "1", "--count", "0"}}) {
            String[] words = new String[options.length + 2];
            words[0] = "ps";
            words[1] = "qemu:a";
            System.arraycopy(options, 0, words, 2, options.length);
            assertThat(platform.hpt(words)).as(String.join(" ", words)).isEqualTo(Reason.USAGE.exitCode());
        }
        assertThat(platform.err()).contains("--interval: is not between").contains("--count: is less than 1")
                .contains("--interval=SECONDS");
        assertThat(platform.attached).isEmpty();
    }

    @Test
    void treeIsDrawnAndFlatInJson() throws IOException {
        platform.tasks.addAll(List.of(task(1, 0, "init"), task(20, 1, "sh")));
        assertThat(platform.hpt("tree", "qemu:a")).isZero();
        assertThat(platform.out()).isEqualTo("""
                PID S     TIME NAME
                  1 S 00:01:01 init
                 20 S 00:01:01  \\_ sh
                """);
        FakePlatform again = new FakePlatform();
        again.tasks.addAll(platform.tasks);
        again.hpt("tree", "qemu:a", "--json");
        JsonNode all = new ObjectMapper().readTree(again.out());
        assertThat(all.get(1).get("name").asText()).isEqualTo("sh");
        assertThat(all.get(1).get("depth").asInt()).isEqualTo(1);
    }

    @Test
    void identifyAnswersAlsoWithoutAProfile() {
        platform.findings.add(new Finding("banner", "Linux\n\u202eversion", "linux_banner"));
        platform.problem = Optional.of(new HptException(Step.PROFILE, Reason.NO_PROFILE, "qemu:a", "no profile"));
        assertThat(platform.hpt("identify", "qemu:a")).isZero();
        assertThat(platform.out()).contains("banner Linux\\n\\u202eversion  (linux_banner)");
        assertThat(platform.err()).isEqualTo("hpt: warning: profile: qemu:a: no profile\n");
    }

    @Test
    void currentReadsRegistersOnlyWhenAsked() throws IOException {
        platform.current.add(new CurrentTask(0, task(5, 1, "a"), 0x1000, 0, "memory: per-CPU current_task", false));
        assertThat(platform.hpt("current", "qemu:a")).isZero();
        assertThat(platform.registersRead).isFalse();
        assertThat(platform.out()).contains("   0   5 a    0xffff888000005000 0x1000 -       memory: per-CPU current_task");
        assertThat(platform.hpt("current", "qemu:a", "--registers")).isZero();
        assertThat(platform.registersRead).isTrue();
    }

    private void locates(Location.Agreement agreement) {
        platform.location.add(new Location(0, Location.Mode.KERNEL, task(5, 1, "a\u001bb"), List.of(
                new LocationStep("rsp", 0xffff888000005e88L, 0x5e88, 0x7f0000005e88L, "register RSP"),
                new LocationStep("stack", 0x7fff0000L, Task.UNKNOWN, 0, "task_struct.stack")), agreement, "a verdict",
                true));
    }

    @Test
    void locateShowsTheStepsAndTheVerdict() {
        locates(Location.Agreement.AGREE);
        assertThat(platform.hpt("locate", "qemu:a")).isZero();
        assertThat(platform.out()).isEqualTo("""
                vCPU 0, in kernel mode: pid 5 a\\x1bb
                STEP  GVA                GPA    MACHINE        HOW
                rsp   0xffff888000005e88 0x5e88 0x7f0000005e88 register RSP
                stack 0x7fff0000         -      -              task_struct.stack
                a verdict
                """);
    }

    @Test
    void locateJsonHasTheDocumentedKeys() throws IOException {
        locates(Location.Agreement.AGREE);
        assertThat(platform.hpt("locate", "qemu:a", "--vcpu", "0", "--json")).isZero();
        JsonNode last = json().get(1);
        assertThat(last.toString()).isEqualTo("{\"vcpu\":0,\"mode\":\"kernel\",\"pid\":5,\"tgid\":5,"
                + "\"name\":\"a\\u001Bb\",\"step\":\"stack\",\"gva\":\"0x7fff0000\",\"gpa\":null,\"machine\":null,"
                + "\"how\":\"task_struct.stack\",\"agrees\":true,\"verdict\":\"a verdict\",\"registers\":true,\"confidence\":1}");
    }

    @Test
    void locateSaysWhenTheDirectionsDoNotAgree() {
        locates(Location.Agreement.DISAGREE);
        assertThat(platform.hpt("locate", "qemu:a")).isEqualTo(Reason.INCONSISTENT.exitCode());
        assertThat(platform.err()).isEqualTo("hpt: warning: the two directions do not agree\n");
        platform.location.clear();
        locates(Location.Agreement.ONE_WAY);
        assertThat(platform.hpt("locate", "qemu:a", "--json")).isEqualTo(ExitCodes.GAPS);
        assertThat(platform.out()).contains("\"agrees\":null");
    }

    @Test
    void guestsListsAndTellsWhatFailed() {
        platform.guests.add(new GuestInfo(new GuestUri("qemu", "/run/a"), "web1", "KVM", GuestState.SHUT_OFF, 1L << 30, 4));
        platform.listingFailures.add(new HptException(Step.BACKEND, Reason.ACCESS_DENIED, "/run/b", "refused"));
        assertThat(platform.hpt("guests")).isEqualTo(ExitCodes.GAPS);
        assertThat(platform.out()).isEqualTo("""
                GUEST       NAME TYPE STATE      MEMORY VCPUS
                qemu:/run/a web1 KVM  shut off 1024 MiB     4
                """);
        assertThat(platform.err()).isEqualTo("hpt: warning: backend: /run/b: refused\n");
    }

    @ParameterizedTest
    @EnumSource(Reason.class)
    void anErrorIsOneLineAndTheCodeOfItsReason(Reason reason) {
        platform.failure = Optional.of(new HptException(Step.DECODER, reason, "qemu:a", "bad \n news").next("do this"));
        assertThat(platform.hpt("ps", "qemu:a")).isEqualTo(reason.exitCode());
        assertThat(platform.err()).isEqualTo("hpt: decoder: qemu:a: bad \\n news; do this\n");
        assertThat(platform.closed).isOne();
    }

    @Test
    void aDefectIsOneLineUnlessVerbose() {
        platform.failure = Optional.of(new IllegalStateException("oh\nno"));
        assertThat(platform.hpt("ps", "qemu:a")).isEqualTo(70);
        assertThat(platform.err().lines()).hasSize(1);
        assertThat(platform.hpt("ps", "qemu:a", "--verbose")).isEqualTo(70);
        assertThat(platform.err()).contains("    at org.xenhpt.shell");
    }

    @Test
    void aCommandOfACommandRuns() {
        assertThat(platform.hpt("profile", "list")).as(platform.err()).isZero();
        assertThat(platform.hpt("profile")).isEqualTo(2);
        assertThat(platform.err()).contains("which command?");
    }

    @Test
    void anUnknownCommandIsAnsweredWithASuggestion() {
        assertThat(platform.hpt("identfy")).isEqualTo(2);
        assertThat(platform.err()).contains("did you mean identify?").hasLineCount(1);
        assertThat(platform.hpt("profile", "lits")).isEqualTo(2);
        assertThat(platform.err()).contains("did you mean list?");
        assertThat(platform.hpt("ps", "--frob")).isEqualTo(2);
        assertThat(platform.err()).contains("see hpt help ps");
    }

    @Test
    void aPathIsAFileAndNothingIsTheSample(@TempDir Path folder) throws IOException {
        Path image = Files.createFile(folder.resolve("a:b.raw"));
        platform.hpt("identify", image.toString());
        Path sample = Files.createDirectories(folder.resolve("sample")).resolve("sample.kdump");
        platform.home = folder;
        assertThat(platform.hpt("ps")).isEqualTo(2);
        Files.createFile(sample);
        assertThat(platform.hpt("identify")).isZero();
        assertThat(platform.attached).containsExactly(new GuestUri("file", image.toString()),
                new GuestUri("file", sample.toString()));
        assertThat(platform.err()).contains("hpt: no guest named: this is the sample image " + sample + "\n");
        assertThat(platform.hpt("ps", "nosuchfile")).isEqualTo(Reason.NO_SUCH_GUEST.exitCode());
    }

    @Test
    void profilesFolderIsThatOfTheOptionOrTheVariable(@TempDir Path one, @TempDir Path other) {
        platform.environment.put("HPT_PROFILES", one.toString());
        platform.hpt("guests");
        assertThat(platform.folder).isEqualTo(one);
        platform.hpt("--profiles", other.toString(), "guests");
        assertThat(platform.folder).isEqualTo(other);
        platform.environment.clear();
        platform.hpt("guests");
        assertThat(platform.folder).isEqualTo(Path.of("profiles"));
        assertThat(platform.hpt("guests", "--profiles", one + "/none")).isEqualTo(Reason.FILE.exitCode());
    }

    @Test
    void sessionsAreKeptOnlyByAShell() {
        platform.sessions.keep();
        platform.hpt("ps", "qemu:a");
        platform.hpt("ps", "qemu:a");
        assertThat(platform.attached).hasSize(1);
        assertThat(platform.closed).isZero();
        platform.failure = Optional.of(new HptException(Step.BACKEND, Reason.GUEST_GONE, "qemu:a", "gone"));
        platform.hpt("ps", "qemu:a");
        assertThat(platform.closed).isOne();
        platform.failure = Optional.empty();
        platform.hpt("ps", "qemu:a");
        assertThat(platform.attached).hasSize(2);
        platform.sessions.forget();
        assertThat(platform.closed).isEqualTo(2);
    }

    @Test
    void aReaderThatGoesAwayIsNoError() {
        platform.tasks.add(task(1, 0, "init"));
        platform.results = failing("Broken pipe");
        assertThat(platform.hpt("ps", "qemu:a")).isEqualTo(141);
        assertThat(platform.err()).isEmpty();
        platform.results = failing("No space left on device");
        assertThat(platform.hpt("ps", "qemu:a")).isEqualTo(Reason.FILE.exitCode());
        assertThat(platform.err()).isEqualTo("hpt: command: standard output: No space left on device\n");
    }

    private static OutputStream failing(String why) {
        return new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                throw new IOException(why);
            }
        };
    }

    @Command(name = "frobnicate", description = "Somebody's own.")
    static final class Added implements HptCommand, Callable<Integer> {
        @Override
        public Integer call() {
            return 42;
        }
    }

    @Test
    void otherBundlesMayAddCommands() {
        platform.add(new Added());
        assertThat(platform.hpt("frobnicate")).isEqualTo(42);
        platform.hpt("help");
        assertThat(platform.out()).contains("frobnicate").contains("Somebody's own.");
    }

    @Test
    void helpTellsOfAllExitCodes() {
        assertThat(platform.hpt("help", "exit-codes")).isZero();
        List<String> lines = platform.out().lines().toList();
        for (Reason reason : Reason.values()) {
            assertThat(lines).anyMatch(line -> line.strip().equals(reason.exitCode() + " " + reason.meaning()));
        }
        assertThat(lines).anyMatch(line -> line.strip().startsWith("14 "));
        assertThat(ExitCodes.all().stream().map(ExitCodes.Meaning::code)).doesNotHaveDuplicates();
    }

    @Test
    void helpOfEveryCommandIsComplete() {
        try (CommandRunner.Tree tree = platform.runner().tree(platform.console(""))) {
            assertComplete(tree.line());
        }
    }

    private void assertComplete(CommandLine command) {
        String name = command.getCommandSpec().qualifiedName();
        assertThat(described(command.getCommandSpec().usageMessage().description())).as(name).isTrue();
        command.getCommandSpec().args().forEach(arg ->
                assertThat(described(arg.description())).as(name + " " + arg).isTrue());
        assertThat(platform.hpt((name.replaceFirst("^hpt ?", "help ")).strip().split(" "))).as(name).isZero();
        command.getSubcommands().values().forEach(this::assertComplete);
    }

    private static boolean described(String[] description) {
        return description.length > 0 && Arrays.stream(description).noneMatch(String::isBlank);
    }

    @Test
    void psHelpListsTheColumns() {
        platform.hpt("help", "ps");
        assertThat(platform.out()).contains("startTime").contains("(also: lwp, spid)").doesNotContain("${");
    }

    @Test
    void versionIsOnStandardOutput() {
        assertThat(platform.hpt("--version")).isZero();
        assertThat(platform.out()).matches("hpt \\d+\\.\\d+.* \\(Java .*\\)\\n");
    }
}
