// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/**
 * A client of the QEMU machine protocol: one line of JSON a message. The peer is not trusted: every wait has a deadline
 * and every line a greatest length.
 */
final class QmpClient implements AutoCloseable {
    /** {@code info registers -a} of 1,000 vCPUs is about 4 MiB. */
    static final int MAX_LINE = 16 << 20;
    /** A peer that sends nothing but events is stopped by the deadline, or by this if it is fast. */
    private static final int MAX_EVENTS_A_REPLY = 10_000;
    /** Few enough to fit into the socket's buffers, so that neither side waits for the other to read. */
    private static final int AT_ONCE = 64;

    /**
     * How long to wait.
     *
     * @param greeting for QEMU to accept the connection and to greet; QEMU does neither while it serves another client
     * @param reply    for the answer to one command
     * @param all      for everything asked over one connection, since a peer may answer slowly a thousand times
     */
    record Patience(Duration greeting, Duration reply, Duration all) {
        static final Patience NORMAL =
                new Patience(Duration.ofSeconds(5), Duration.ofSeconds(10), Duration.ofSeconds(30));
    }

    private final String subject;
    private final Path socket;
    private final Patience patience;
    private final SocketChannel channel;
    private final Selector selector;
    private final SelectionKey key;
    private final long end;
    private final ByteBuffer received = ByteBuffer.allocate(1 << 16).flip();
    private String version = "";
    private long lastId;

    private QmpClient(String subject, Path socket, Patience patience, SocketChannel channel, Selector selector)
            throws IOException {
        this.subject = subject;
        this.socket = socket;
        this.patience = patience;
        this.channel = channel;
        this.selector = selector;
        this.key = channel.register(selector, SelectionKey.OP_READ);
        this.end = System.nanoTime() + patience.all.toNanos();
    }

    /**
     * Connects, reads the greeting and leaves capabilities negotiation.
     *
     * @param subject what errors name, a guest's URI
     */
    static QmpClient connect(String subject, Path socket, Patience patience) {
        QmpClient client = open(subject, socket, patience);
        try {
            client.greet();
            return client;
        } catch (RuntimeException e) {
            client.close();
            throw e;
        }
    }

    private static QmpClient open(String subject, Path socket, Patience patience) {
        SocketChannel channel = null;
        Selector selector = null;
        try {
            channel = SocketChannel.open(StandardProtocolFamily.UNIX);
            channel.configureBlocking(false);
            // A blocking connect would wait for ever when the queue of the listening socket is full; this one says so.
            if (!channel.connect(UnixDomainSocketAddress.of(socket))) {
                throw busy(subject);
            }
            selector = Selector.open();
            return new QmpClient(subject, socket, patience, channel, selector);
        } catch (IOException | RuntimeException e) {
            closeQuietly(channel);
            closeQuietly(selector);
            throw e instanceof HptException known ? known : cannotConnect(subject, socket, e);
        }
    }

    /** Judged by what is there: the text of an exception is in the language of the C library. */
    private static HptException cannotConnect(String subject, Path socket, Exception e) {
        if (Files.notExists(socket)) {
            return new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, subject, "no such socket", e)
                    .next("start QEMU with -qmp unix:" + socket + ",server=on,wait=off; 'hpt guests' lists sockets");
        }
        // Connecting needs the right to write: unix(7).
        if (!Files.isWritable(socket)) {
            return new HptException(Step.BACKEND, Reason.ACCESS_DENIED, subject,
                    "no permission to use the QMP socket", e)
                    .next("run hpt as root or as the user who owns the socket");
        }
        if (Files.isRegularFile(socket) || Files.isDirectory(socket)) {
            return new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, subject, "not a socket", e)
                    .next("name the path given to QEMU's -qmp; a memory image is opened as file:" + socket);
        }
        if (UnixSockets.connections(socket) > 0) {
            return busy(subject);
        }
        return new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, subject,
                "cannot connect to the socket: " + e.getMessage(), e)
                .next("QEMU has ended, or was started without -qmp unix:" + socket + ",server=on,wait=off");
    }

    private static HptException busy(String subject) {
        return new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject,
                "busy: another QMP client is connected")
                .next("give QEMU a second -qmp socket, or end the other client");
    }

    private void greet() {
        long deadline = deadline(patience.greeting);
        QmpValue greeting;
        try {
            greeting = message(deadline);
        } catch (TooLate e) {
            if (UnixSockets.connections(socket) > 1) {
                throw busy(subject);
            }
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, "no QMP greeting within "
                    + patience.greeting.toMillis() + " ms: another QMP client is connected, or QEMU hangs")
                    .next("give QEMU a second -qmp socket, or end the other client");
        }
        if (!greeting.get("QMP").isObject()) {
            throw malformed("no QMP greeting, but other JSON");
        }
        QmpValue qemu = greeting.get("QMP").get("version").get("qemu");
        version = qemu.get("major").number(0) + "." + qemu.get("minor").number(0) + "." + qemu.get("micro").number(0);
        execute("qmp_capabilities");
    }

    private long deadline(Duration wait) {
        long now = System.nanoTime();
        return now + Math.min(wait.toNanos(), end - now);
    }

    /** QEMU's version as it greeted, such as {@code 7.2.22}. */
    String version() {
        return version;
    }

    /** Runs a QMP command without arguments and returns what it returned. */
    QmpValue execute(String command) {
        return execute(List.of(command)).get(0);
    }

    /**
     * Runs QMP commands without arguments. All are asked before the first answer is waited for: on a busy machine the
     * waiting is what takes long.
     *
     * @return what they returned, in order
     */
    List<QmpValue> execute(List<String> commands) {
        return exchange(commands.stream().map(command -> new Request(command, Map.of())).toList());
    }

    /** Runs a command of the human monitor and returns the text that it prints. */
    String monitor(String commandLine) {
        return monitor(List.of(commandLine)).get(0);
    }

    /** Runs commands of the human monitor, all asked at once, and returns the texts that they print, in order. */
    List<String> monitor(List<String> commandLines) {
        List<QmpValue> values = exchange(commandLines.stream()
                .map(line -> new Request("human-monitor-command", Map.of("command-line", line))).toList());
        List<String> texts = new ArrayList<>();
        for (QmpValue value : values) {
            if (!value.isText()) {
                throw malformed("the monitor command '" + commandLines.get(texts.size()) + "' returned no text");
            }
            texts.add(value.text(""));
        }
        return texts;
    }

    private record Request(String command, Map<String, String> arguments) {
    }

    private List<QmpValue> exchange(List<Request> requests) {
        List<QmpValue> values = new ArrayList<>();
        for (int start = 0; start < requests.size(); start += AT_ONCE) {
            values.addAll(exchangeAtOnce(requests.subList(start, Math.min(start + AT_ONCE, requests.size()))));
        }
        return values;
    }

    private List<QmpValue> exchangeAtOnce(List<Request> requests) {
        long deadline = deadline(patience.reply);
        long firstId = lastId + 1;
        StringBuilder text = new StringBuilder();
        for (Request request : requests) {
            text.append(QmpValue.request(request.command, ++lastId, request.arguments));
        }
        List<QmpValue> values = new ArrayList<>();
        try {
            send(text.toString(), deadline);
            // QEMU answers in the order of the questions, but for those asked out of band (QMP specification).
            for (int skipped = 0; values.size() < requests.size(); skipped++) {
                String command = requests.get(values.size()).command;
                QmpValue reply = message(deadline);
                if (reply.get("error").isObject()) {
                    throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, "QEMU refused "
                            + command + ": " + excerpt(reply.get("error").get("desc").text("no reason given")));
                }
                if (reply.has("return") && reply.get("id").number(-1) == firstId + values.size()) {
                    values.add(reply.get("return"));
                } else if (skipped > MAX_EVENTS_A_REPLY) {
                    // What is skipped is an event, or nothing that was asked for.
                    throw malformed("events without end instead of the answer to " + command);
                }
            }
            return values;
        } catch (TooLate e) {
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, "QEMU did not answer "
                    + requests.get(values.size()).command + " in time (" + patience.reply.toMillis()
                    + " ms, all questions together " + patience.all.toMillis() + " ms)")
                    .next("QEMU may be stopped, or the machine overloaded: try again");
        }
    }

    private void send(String text, long deadline) throws TooLate {
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        try {
            channel.write(bytes);
            while (bytes.hasRemaining()) {
                await(SelectionKey.OP_WRITE, deadline);
                channel.write(bytes);
            }
        } catch (IOException e) {
            throw gone(e);
        }
    }

    private QmpValue message(long deadline) throws TooLate {
        String line = line(deadline);
        try {
            QmpValue message = QmpValue.parse(line);
            if (message.isObject()) {
                return message;
            }
        } catch (IOException e) {
            // Falls to the error below: what matters is the line, not where in it the parser gave up.
        }
        HptException error = malformed("not a QMP socket, it says " + excerpt(line));
        throw line.contains("monitor - type 'help'")
                ? error.next("this is the human monitor: name a socket given to QEMU with -qmp") : error;
    }

    private String line(long deadline) throws TooLate {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        while (true) {
            int start = received.position();
            for (int i = start; i < received.limit(); i++) {
                if (received.get(i) == '\n') {
                    line.write(received.array(), start, i - start);
                    received.position(i + 1);
                    if (line.toString(StandardCharsets.UTF_8).isBlank()) {
                        line.reset();
                        start = i + 1;
                        continue;
                    }
                    return line.toString(StandardCharsets.UTF_8);
                }
            }
            line.write(received.array(), start, received.limit() - start);
            if (line.size() > MAX_LINE) {
                throw malformed("a line of more than " + (MAX_LINE >> 20) + " MiB, which QEMU does not send");
            }
            receive(deadline);
        }
    }

    private void receive(long deadline) throws TooLate {
        try {
            received.clear();
            int count = channel.read(received);
            while (count == 0) {
                await(SelectionKey.OP_READ, deadline);
                count = channel.read(received);
            }
            received.flip();
            if (count < 0) {
                throw gone(null);
            }
            // Also for a peer that always has something to say.
            if (System.nanoTime() - deadline > 0) {
                throw new TooLate();
            }
        } catch (IOException e) {
            throw gone(e);
        }
    }

    private void await(int operation, long deadline) throws IOException, TooLate {
        long millis = (deadline - System.nanoTime()) / 1_000_000;
        if (millis <= 0) {
            throw new TooLate();
        }
        key.interestOps(operation);
        selector.select(millis);
        selector.selectedKeys().clear();
        if (Thread.currentThread().isInterrupted()) {
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject,
                    "interrupted while waiting for QEMU");
        }
    }

    private HptException gone(IOException cause) {
        return new HptException(Step.BACKEND, Reason.GUEST_GONE, subject, "QEMU closed its QMP socket", cause)
                .next("the guest has probably ended: see 'hpt guests'");
    }

    private HptException malformed(String what) {
        return new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, what);
    }

    /** The start of a peer's text, fit for an error line. */
    static String excerpt(String text) {
        String line = text.length() > 80 ? text.substring(0, 80) + "..." : text;
        return "'" + line.replaceAll("\\p{Cntrl}", "?") + "'";
    }

    @Override
    public void close() {
        closeQuietly(channel);
        closeQuietly(selector);
    }

    private static void closeQuietly(AutoCloseable resource) {
        try {
            if (resource != null) {
                resource.close();
            }
        } catch (Exception e) {
            // Nothing depends on how a connection ends that is not needed any more.
        }
    }

    /** A deadline passed. */
    private static final class TooLate extends Exception {
        private static final long serialVersionUID = 1L;
    }
}
