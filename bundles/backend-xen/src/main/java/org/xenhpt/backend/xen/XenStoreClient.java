// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketTimeoutException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ByteChannel;
import java.nio.channels.FileChannel;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/**
 * Speaks xenstore's own protocol (Xen, docs/misc/xenstore.txt and public/io/xs_wire.h): it is stable, where the soname
 * of the library for it changed with Xen 4.16.
 */
final class XenStoreClient implements XenStore {
    private static final int DIRECTORY = 1;
    private static final int READ = 2;
    private static final int WATCH_EVENT = 15;
    private static final int ERROR = 16;
    private static final int IS_DOMAIN_INTRODUCED = 17;
    private static final int DIRECTORY_PART = 22;
    private static final int HEADER = 16;
    /** {@code XENSTORE_PAYLOAD_MAX}. */
    private static final int MAX_PAYLOAD = 4096;
    /** Some 30,000 domains. */
    private static final int MAX_DIRECTORY = 256 << 10;
    private static final int MAX_PARTS = 1000;
    private static final int MAX_EVENTS = 1000;
    private static final long PATIENCE_MILLIS = 5000;

    private final String subject;
    private final ByteChannel channel;
    private int request;
    private boolean broken;

    /** An answer that is an error, such as {@code ENOENT}. */
    private static final class Refused extends Exception {
        private static final long serialVersionUID = 1L;

        Refused(String error) {
            super(error);
        }
    }

    XenStoreClient(String subject, ByteChannel channel) {
        this.subject = subject;
        this.channel = channel;
    }

    /**
     * Connects to the daemon.
     *
     * @param subject what errors name
     */
    static XenStoreClient connect(String subject, XenHost host) {
        HptException failure = new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject,
                "xenstore does not answer").next("is xenstored running? See: systemctl status xenstored");
        for (Path socket : host.storeSockets()) {
            if (Files.exists(socket)) {
                try {
                    return new XenStoreClient(subject, new Patient(socket));
                } catch (IOException e) {
                    if (!Files.isWritable(socket)) {
                        throw XenHost.notRoot(subject, socket.toString());
                    }
                    failure.tried(socket + ": " + e.getMessage());
                }
            }
        }
        Path device = host.storeDevice();
        try {
            return new XenStoreClient(subject,
                    FileChannel.open(device, StandardOpenOption.READ, StandardOpenOption.WRITE));
        } catch (AccessDeniedException e) {
            throw XenHost.notRoot(subject, device.toString());
        } catch (IOException e) {
            throw failure.tried(device + ": " + e.getMessage());
        }
    }

    @Override
    public List<String> directory(String path) {
        try {
            return names(ask(DIRECTORY, path));
        } catch (Refused refused) {
            return switch (refused.getMessage()) {
                case "ENOENT" -> List.of();
                case "E2BIG" -> longDirectory(path);
                default -> throw unexpected(path, refused);
            };
        }
    }

    /** A directory of more than one message comes in parts, each after the directory's generation (xenstore.txt). */
    private List<String> longDirectory(String path) {
        StringBuilder all = new StringBuilder();
        String generation = "";
        try {
            for (int parts = 0; parts < MAX_PARTS && all.length() < MAX_DIRECTORY; parts++) {
                String part = ask(DIRECTORY_PART, path + "\0" + all.length());
                int nul = part.indexOf('\0');
                if (nul < 0) {
                    throw malformed("a part of a directory without its generation");
                }
                if (all.length() > 0 && !part.substring(0, nul).equals(generation)) {
                    // It changed meanwhile; the next part's place is another one now.
                    all.setLength(0);
                    generation = "";
                    continue;
                }
                generation = part.substring(0, nul);
                all.append(part, nul + 1, part.length());
                if (part.length() == nul + 1 || part.endsWith("\0\0")) {
                    return names(all.toString());
                }
            }
        } catch (Refused refused) {
            throw unexpected(path, refused);
        }
        throw malformed("a directory that is too long, or changes all the time");
    }

    private static List<String> names(String text) {
        return Arrays.stream(text.split("\0")).filter(name -> !name.isEmpty()).toList();
    }

    @Override
    public Optional<String> read(String path) {
        try {
            return Optional.of(ask(READ, path));
        } catch (Refused refused) {
            if (refused.getMessage().equals("ENOENT")) {
                return Optional.empty();
            }
            throw unexpected(path, refused);
        }
    }

    @Override
    public boolean introduced(int domid) {
        try {
            return ask(IS_DOMAIN_INTRODUCED, Integer.toString(domid)).startsWith("T");
        } catch (Refused refused) {
            throw unexpected("domain " + domid, refused);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            broken = true;
        }
    }

    private synchronized String ask(int type, String text) throws Refused {
        if (broken) {
            throw malformed("an error before");
        }
        byte[] payload = (text + "\0").getBytes(StandardCharsets.UTF_8);
        if (payload.length > MAX_PAYLOAD) {
            throw new Refused("E2BIG");
        }
        int number = ++request;
        // Until the answer is here whole, what comes next on the channel is not known.
        broken = true;
        try {
            ByteBuffer message = buffer(HEADER + payload.length);
            message.putInt(type).putInt(number).putInt(0).putInt(payload.length).put(payload).flip();
            while (message.hasRemaining()) {
                channel.write(message);
            }
            for (int events = 0; events < MAX_EVENTS; events++) {
                ByteBuffer header = receive(HEADER);
                int answer = header.getInt();
                int answered = header.getInt();
                header.getInt();
                int length = header.getInt();
                if (length < 0 || length > MAX_PAYLOAD) {
                    throw malformed("a message of " + length + " bytes");
                }
                String body = StandardCharsets.UTF_8.decode(receive(length)).toString();
                if (answer == WATCH_EVENT) {
                    continue;
                }
                if (answered != number || answer != type && answer != ERROR) {
                    throw malformed("an answer to another question");
                }
                broken = false;
                if (answer == ERROR) {
                    throw new Refused(body.replace("\0", ""));
                }
                return body;
            }
            throw malformed("no answer among " + MAX_EVENTS + " messages");
        } catch (IOException e) {
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, "xenstore does not answer: "
                    + e.getMessage(), e).next("is xenstored running? See: systemctl status xenstored");
        }
    }

    private ByteBuffer receive(int length) throws IOException {
        ByteBuffer bytes = buffer(length);
        while (bytes.hasRemaining()) {
            if (channel.read(bytes) < 0) {
                throw new EOFException("it closed the connection");
            }
        }
        return bytes.flip();
    }

    private static ByteBuffer buffer(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    private HptException malformed(String what) {
        return new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, "xenstore sent " + what);
    }

    private HptException unexpected(String path, Refused refused) {
        return new HptException(Step.BACKEND, Reason.ACCESS_DENIED, subject,
                "xenstore refuses to tell of " + path + ": " + refused.getMessage());
    }

    /** A socket on which reading ends with an exception when nothing comes. */
    private static final class Patient implements ByteChannel {
        private final SocketChannel socket;
        private final Selector selector;

        Patient(Path path) throws IOException {
            socket = SocketChannel.open(StandardProtocolFamily.UNIX);
            try {
                socket.connect(UnixDomainSocketAddress.of(path));
                socket.configureBlocking(false);
                selector = Selector.open();
                socket.register(selector, SelectionKey.OP_READ);
            } catch (IOException e) {
                socket.close();
                throw e;
            }
        }

        @Override
        public int read(ByteBuffer to) throws IOException {
            int count = socket.read(to);
            while (count == 0 && to.hasRemaining()) {
                if (selector.select(PATIENCE_MILLIS) == 0) {
                    throw new SocketTimeoutException("nothing came for " + PATIENCE_MILLIS / 1000 + " s");
                }
                selector.selectedKeys().clear();
                count = socket.read(to);
            }
            return count;
        }

        @Override
        public int write(ByteBuffer from) throws IOException {
            return socket.write(from);
        }

        @Override
        public boolean isOpen() {
            return socket.isOpen();
        }

        @Override
        public void close() throws IOException {
            socket.close();
            selector.close();
        }
    }
}
