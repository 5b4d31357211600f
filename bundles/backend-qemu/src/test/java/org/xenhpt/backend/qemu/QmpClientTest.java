// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;

@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
// A server is there to be connected to, not to be named.
@SuppressWarnings("try")
class QmpClientTest {
    private static final Duration SHORT = Duration.ofMillis(500);
    private static final QmpClient.Patience ENOUGH = FakeQmp.ENOUGH;
    private static final QmpClient.Patience SHORT_GREETING =
            new QmpClient.Patience(SHORT, ENOUGH.reply(), ENOUGH.all());
    private static final QmpClient.Patience SHORT_REPLY =
            new QmpClient.Patience(ENOUGH.greeting(), SHORT, ENOUGH.all());
    private static final QmpClient.Patience SHORT_IN_ALL =
            new QmpClient.Patience(ENOUGH.greeting(), ENOUGH.reply(), Duration.ofSeconds(2));

    @TempDir
    Path folder;

    private Path socket() {
        return folder.resolve("qmp");
    }

    private HptException failure(FakeQmp.Talk talk) throws IOException {
        return failure(talk, ENOUGH);
    }

    private HptException failure(FakeQmp.Talk talk, QmpClient.Patience patience) throws IOException {
        try (FakeQmp server = new FakeQmp(socket(), talk)) {
            return failureOf(socket(), patience);
        }
    }

    /** How {@code query-name} fails: on a machine that stands still, what comes before may run out of patience too. */
    private HptException failureOfTheQuestion(FakeQmp.Talk talk, QmpClient.Patience patience) throws IOException {
        try (FakeQmp server = new FakeQmp(socket(), talk)) {
            HptException error = failureOf(socket(), patience);
            while (Stream.of("no QMP greeting", "busy", "qmp_capabilities in time")
                    .anyMatch(error.detail()::contains)) {
                error = failureOf(socket(), patience);
            }
            return error;
        }
    }

    private static HptException failureOf(Path socket) {
        return failureOf(socket, ENOUGH);
    }

    /** Asks until that fails. */
    private static HptException failureOf(Path socket, QmpClient.Patience patience) {
        return catchThrowableOfType(HptException.class, () -> {
            try (QmpClient client = QmpClient.connect("qemu:test", socket, patience)) {
                while (true) {
                    client.execute("query-name");
                }
            }
        });
    }

    @Test
    void talks() throws IOException {
        List<String> heard = new ArrayList<>();
        try (FakeQmp server = new FakeQmp(socket(), peer -> {
            peer.begin();
            heard.add(peer.hear());
            peer.say("{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"RTC_CHANGE\"}");
            peer.say("");
            peer.answer(heard.get(0), "{\"name\": \"web1\"}");
            String request = peer.hear();
            heard.add(request);
            peer.write("{\"event\": \"STOP\"}\r\n{\"return\": \"CPU#0\\r\\nEA");
            peer.write("X=1\\r\\n\", \"id\": " + FakeQmp.id(request) + "}\r\n");
            peer.wait4ever();
        })) {
            try (QmpClient client = QmpClient.connect("qemu:test", socket(), ENOUGH)) {
                assertThat(client.version()).isEqualTo("7.2.22");
                assertThat(client.execute("query-name").get("name").text("")).isEqualTo("web1");
                assertThat(client.monitor("info registers -a")).isEqualTo("CPU#0\r\nEAX=1\r\n");
            }
        }
        assertThat(heard.get(0)).contains("\"execute\":\"query-name\"").doesNotContain("arguments");
        assertThat(heard.get(1)).contains("{\"command-line\":\"info registers -a\"}");
    }

    @Test
    void anAnswerToAnotherQuestionIsNotTaken() throws IOException {
        try (FakeQmp server = new FakeQmp(socket(), peer -> {
            peer.begin();
            String request = peer.hear();
            peer.say("{\"return\": {\"name\": \"late\"}, \"id\": 4711}");
            peer.say("{\"return\": {\"name\": \"nobody asked\"}}");
            peer.answer(request, "{\"name\": \"right\"}");
            peer.wait4ever();
        })) {
            try (QmpClient client = QmpClient.connect("qemu:test", socket(), ENOUGH)) {
                assertThat(client.execute("query-name").get("name").text("")).isEqualTo("right");
            }
        }
    }

    @Test
    void manyQuestionsAreAskedAtOnceAndAnsweredInOrder() throws IOException {
        try (FakeQmp server = new FakeQmp(socket(), peer -> {
            peer.begin();
            List<String> requests = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                requests.add(peer.hear());
                // The peer hears 64 before it answers any.
                if (requests.size() == 64 || i == 199) {
                    peer.say("{\"event\": \"RTC_CHANGE\"}");
                    for (String request : requests) {
                        peer.answer(request, "\"" + request.replaceAll(".*line-([0-9]+).*", "$1") + "\"");
                    }
                    requests.clear();
                }
            }
            peer.wait4ever();
        })) {
            List<String> lines = new ArrayList<>();
            List<String> expected = new ArrayList<>();
            for (int i = 0; i < 200; i++) {
                lines.add("line-" + i);
                expected.add(Integer.toString(i));
            }
            try (QmpClient client = QmpClient.connect("qemu:test", socket(), ENOUGH)) {
                assertThat(client.monitor(lines)).isEqualTo(expected);
            }
        }
    }

    @Test
    void noGreeting() throws IOException {
        HptException error = failure(FakeQmp.Peer::wait4ever, SHORT_GREETING);
        assertThat(error.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
        assertThat(error).hasMessageContaining("no QMP greeting within 500 ms")
                .hasMessageContaining("second -qmp socket");
    }

    @Test
    void busyWithAnotherClient() throws IOException {
        // As QEMU does it: it listens on, and does not accept while it has a client.
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket()), 1);
            try (SocketChannel other = SocketChannel.open(UnixDomainSocketAddress.of(socket()));
                    SocketChannel accepted = server.accept()) {
                assertThat(accepted.isConnected()).isTrue();
                HptException error = failureOf(socket(), SHORT_GREETING);
                assertThat(error.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
                assertThat(error).hasMessageContaining("busy: another QMP client is connected; give QEMU a second");
            }
        }
    }

    @Test
    void aQueueOfClientsIsNotWaitedFor() throws IOException {
        try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket()), 1);
            List<SocketChannel> waiting = new ArrayList<>();
            assertThatThrownBy(() -> {
                while (waiting.size() < 100) {
                    SocketChannel client = SocketChannel.open(StandardProtocolFamily.UNIX);
                    waiting.add(client);
                    client.configureBlocking(false);
                    client.connect(UnixDomainSocketAddress.of(socket()));
                }
            }).isInstanceOf(IOException.class);
            assertThat(failureOf(socket())).hasMessageContaining("busy: another QMP client is connected");
            for (SocketChannel client : waiting) {
                client.close();
            }
        }
    }

    @Test
    void garbageInsteadOfAGreeting() throws IOException {
        HptException error = failure(peer -> {
            peer.say("220 mail.example.org \u001b[31mESMTP");
            peer.wait4ever();
        });
        assertThat(error.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
        assertThat(error).hasMessageContaining("not a QMP socket, it says '220 mail.example.org ?[31mESMTP");
    }

    @Test
    void theHumanMonitor() throws IOException {
        assertThat(failure(peer -> {
            peer.say("QEMU 7.2.22 monitor - type 'help' for more information");
            peer.wait4ever();
        })).hasMessageContaining("this is the human monitor: name a socket given to QEMU with -qmp");
    }

    @Test
    void jsonThatIsNoGreeting() throws IOException {
        for (String line : List.of("[]", "null", "7", "{}", "{\"QMP\": 1}", "[".repeat(100_000), "{\"QMP\": {\"a\"")) {
            Files.deleteIfExists(socket());
            HptException error = failure(peer -> {
                peer.say(line);
                peer.wait4ever();
            });
            assertThat(error.reason()).as(line).isEqualTo(Reason.UNREADABLE_GUEST);
            assertThat(error.getMessage().length()).isLessThan(300);
        }
    }

    @Test
    void aLineWithoutEnd() throws IOException {
        AtomicReference<Long> written = new AtomicReference<>(0L);
        String much = "x".repeat(1 << 20);
        try (FakeQmp server = new FakeQmp(socket(), peer -> {
            while (true) {
                peer.write(much);
                written.updateAndGet(bytes -> bytes + much.length());
            }
        })) {
            HptException error = failureOf(socket());
            assertThat(error).hasMessageContaining("a line of more than 16 MiB");
        }
        assertThat(written.get()).isLessThan(QmpClient.MAX_LINE + (4L << 20));
    }

    @Test
    void bytesThatNeverBecomeALine() throws IOException {
        HptException error = failureOfTheQuestion(peer -> {
            peer.begin();
            while (true) {
                peer.write(" ");
                sleep();
            }
        }, SHORT_REPLY);
        assertThat(error).hasMessageContaining("QEMU did not answer query-name in time");
    }

    @Test
    void neverAnswers() throws IOException {
        HptException error = failureOfTheQuestion(peer -> {
            peer.begin();
            peer.wait4ever();
        }, SHORT_REPLY);
        assertThat(error.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
        assertThat(error).hasMessageContaining("QEMU did not answer query-name in time");
    }

    @Test
    void eventsWithoutEnd() throws IOException {
        HptException error = failure(peer -> {
            peer.begin();
            while (true) {
                peer.write("{\"event\": \"RTC_CHANGE\"}\n".repeat(100));
            }
        });
        assertThat(error.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
        assertThat(error).hasMessageContaining("events without end instead of the answer to query-name");
    }

    @Test
    void manySlowAnswersAreBoundedTogether() throws IOException {
        HptException error = failureOfTheQuestion(peer -> {
            peer.begin();
            while (true) {
                String request = peer.hear();
                sleep();
                peer.answer(request, "{}");
            }
        }, SHORT_IN_ALL);
        assertThat(error).hasMessageContaining("QEMU did not answer query-name in time");
    }

    @Test
    void goesInTheMiddleOfAnAnswer() throws IOException {
        HptException error = failure(peer -> {
            peer.begin();
            peer.hear();
            peer.write("{\"return\": {\"name\": \"we");
        });
        assertThat(error.reason()).isEqualTo(Reason.GUEST_GONE);
        assertThat(error).hasMessageContaining("QEMU closed its QMP socket");
    }

    @Test
    void goesAtOnce() throws IOException {
        assertThat(failure(peer -> { }).reason()).isEqualTo(Reason.GUEST_GONE);
    }

    @Test
    void refuses() throws IOException {
        HptException error = failure(peer -> {
            peer.begin();
            peer.say("{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command query-name has not been"
                    + " found\"}, \"id\": " + FakeQmp.id(peer.hear()) + "}");
            peer.wait4ever();
        });
        assertThat(error.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
        assertThat(error)
                .hasMessageContaining("QEMU refused query-name: 'The command query-name has not been found'");
    }

    @Test
    void noSocket() {
        HptException error = failureOf(socket());
        assertThat(error.reason()).isEqualTo(Reason.NO_SUCH_GUEST);
        assertThat(error).hasMessageContaining("no such socket").hasMessageContaining("hpt guests");
    }

    @Test
    void aFileAndADeadSocket() throws IOException {
        Files.writeString(socket(), "no socket");
        assertThat(failureOf(socket()).reason()).isEqualTo(Reason.NO_SUCH_GUEST);
        assertThat(failureOf(socket())).hasMessageContaining("not a socket");

        Path dead = folder.resolve("dead");
        ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(dead)).close();
        assertThat(failureOf(dead).reason()).isEqualTo(Reason.NO_SUCH_GUEST);
        assertThat(failureOf(dead)).hasMessageContaining("cannot connect to the socket");
    }

    @Test
    void aPathTooLongForASocket() {
        HptException error = failureOf(folder.resolve("x".repeat(200)));
        assertThat(error.reason()).isEqualTo(Reason.NO_SUCH_GUEST);
    }

    @Test
    void anInterruptEndsTheWait() throws Exception {
        try (FakeQmp server = new FakeQmp(socket(), FakeQmp.Peer::wait4ever)) {
            AtomicReference<HptException> error = new AtomicReference<>();
            Thread waiting = new Thread(() -> error.set(failureOf(socket(), ENOUGH)));
            waiting.start();
            waiting.interrupt();
            waiting.join();
            assertThat(error.get()).hasMessageContaining("interrupted");
        }
    }

    private static void sleep() {
        try {
            Thread.sleep(50);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
