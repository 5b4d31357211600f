// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;

/** A unix socket that behaves as a test wants: well, or as QEMU never would. */
final class FakeQmp implements AutoCloseable {
    static final String GREETING = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7},"
            + " \"package\": \"\"}, \"capabilities\": [\"oob\"]}}";

    /** For ever: a busy machine may stand still for seconds, and what hangs is ended by the test's own limit. */
    static final QmpClient.Patience ENOUGH =
            new QmpClient.Patience(Duration.ofHours(1), Duration.ofHours(1), Duration.ofHours(1));

    private final ServerSocketChannel server;

    /** How to treat one client. */
    interface Talk {
        void with(Peer client) throws IOException;
    }

    /** The client as the server sees it. */
    static final class Peer {
        private final SocketChannel channel;
        private final BufferedReader lines;

        Peer(SocketChannel channel) {
            this.channel = channel;
            this.lines = new BufferedReader(new InputStreamReader(Channels.newInputStream(channel),
                    StandardCharsets.UTF_8));
        }

        /** The client's next line; fails when it has gone. */
        String hear() throws IOException {
            String line = lines.readLine();
            if (line == null) {
                throw new IOException("the client has gone");
            }
            return line;
        }

        void say(String line) throws IOException {
            write(line + "\r\n");
        }

        void write(String text) throws IOException {
            ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        }

        /** Greets, and accepts qmp_capabilities. */
        void begin() throws IOException {
            say(GREETING);
            answer(hear(), "{}");
        }

        void answer(String request, String value) throws IOException {
            say("{\"return\": " + value + ", \"id\": " + id(request) + "}");
        }

        /** Stays silent until the client goes. */
        void wait4ever() throws IOException {
            while (lines.readLine() != null) {
                // What it says does not matter.
            }
        }
    }

    static String id(String request) {
        return request.replaceAll(".*\"id\":([0-9]+).*", "$1");
    }

    FakeQmp(Path socket, Talk talk) throws IOException {
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        server.bind(UnixDomainSocketAddress.of(socket), 1);
        start(() -> {
            while (true) {
                SocketChannel client = server.accept();
                start(() -> {
                    try (client) {
                        talk.with(new Peer(client));
                    }
                });
            }
        });
    }

    private interface Work {
        void run() throws IOException;
    }

    private static void start(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException e) {
                // The client or the test has ended.
            }
        }, "fake-qmp");
        thread.setDaemon(true);
        thread.start();
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
