// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.guest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A QMP connection of the tests' own, so that they and hpt do not share one. */
public final class Qmp implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final SocketChannel socket;
    private final BlockingQueue<JsonNode> answers = new LinkedBlockingQueue<>();
    private final List<String> events = new CopyOnWriteArrayList<>();

    Qmp(Path path) throws IOException {
        socket = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            socket.connect(UnixDomainSocketAddress.of(path));
        } catch (IOException e) {
            socket.close();
            throw e;
        }
        Thread reader = new Thread(this::read, "qmp " + path.getParent().getFileName());
        reader.setDaemon(true);
        reader.start();
        execute("qmp_capabilities", Map.of());
    }

    private void read() {
        try (BufferedReader in = new BufferedReader(Channels.newReader(socket, StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                JsonNode message = JSON.readTree(line);
                if (message.has("event")) {
                    events.add(message.get("event").asText());
                } else if (!message.has("QMP")) {
                    answers.add(message);
                }
            }
        } catch (IOException e) {
            // The guest ended, or the test is over: who waits for an answer is told by its own time limit.
            events.add("connection lost");
        }
    }

    /** Runs a command and gives what it returns. */
    public synchronized JsonNode execute(String command, Map<String, ?> arguments) throws IOException {
        byte[] request = JSON.writeValueAsBytes(Map.of("execute", command, "arguments", arguments));
        for (ByteBuffer b = ByteBuffer.wrap(request); b.hasRemaining();) {
            socket.write(b);
        }
        try {
            // A dump of several GiB takes minutes on a busy machine.
            JsonNode answer = answers.poll(10, TimeUnit.MINUTES);
            if (answer == null || !answer.has("return")) {
                throw new IOException("QMP " + command + " " + arguments + " answered " + answer);
            }
            return answer.get("return");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while waiting for QMP " + command, e);
        }
    }

    /** Names of the events since the connection was made, such as STOP when the guest was stopped by anybody. */
    public List<String> events() {
        return List.copyOf(events);
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
