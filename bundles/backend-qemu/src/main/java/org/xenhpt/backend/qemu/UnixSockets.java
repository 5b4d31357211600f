// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The unix sockets of a network namespace, as {@code /proc/net/unix} lists them (proc_net(5)). */
final class UnixSockets {
    /** {@code __SO_ACCEPTCON}: the socket listens. */
    private static final long LISTENS = 0x10000;

    /**
     * A unix socket.
     *
     * @param inode     its number, as in the link {@code socket:[inode]} of a file descriptor
     * @param listening whether it accepts connections
     * @param path      as given to bind(2), which may be relative. An accepted connection has its listener's
     */
    record UnixSocket(long inode, boolean listening, String path) {
    }

    private UnixSockets() {
    }

    /** The sockets with a path of the network namespace of a process; empty where that cannot be read. */
    static List<UnixSocket> of(String pid) {
        List<UnixSocket> sockets = new ArrayList<>();
        // A path may be of any bytes.
        try (BufferedReader reader = Files.newBufferedReader(Path.of("/proc", pid, "net/unix"),
                StandardCharsets.ISO_8859_1)) {
            reader.readLine();
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                String[] fields = line.trim().split(" +", 8);
                if (fields.length == 8) {
                    String path = new String(fields[7].getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
                    sockets.add(new UnixSocket(Long.parseLong(fields[6]),
                            (Long.parseLong(fields[3], 16) & LISTENS) != 0, path));
                }
            }
        } catch (IOException | NumberFormatException e) {
            return sockets;
        }
        return sockets;
    }

    /**
     * How many clients are connected to, or wait at, the socket with this path in our network namespace. A socket bound
     * by another spelling of the path is not counted.
     */
    static int connections(Path socket) {
        String path = socket.toAbsolutePath().toString();
        return (int) of("self").stream()
                .filter(one -> !one.listening() && (one.path().equals(path) || one.path().equals(socket.toString())))
                .count();
    }
}
