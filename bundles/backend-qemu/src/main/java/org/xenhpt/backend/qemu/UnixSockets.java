// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

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
     * How many clients are connected to, or wait at, the socket with this path in our network namespace. Sockets bound
     * by a relative path are told apart by their last component only.
     */
    static int connections(Path socket) {
        String path = socket.toAbsolutePath().toString();
        String name = socket.getFileName().toString();
        return (int) of("self").stream().filter(one -> !one.listening() && (one.path().equals(path)
                || !one.path().startsWith("/") && lastComponent(one.path()).equals(name))).count();
    }

    static String lastComponent(String path) {
        return path.substring(path.lastIndexOf('/') + 1);
    }

    /** The numbers of the sockets among the open files of a process. */
    static Set<Long> inodes(long pid) throws AccessDeniedException {
        Set<Long> inodes = new HashSet<>();
        try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of("/proc/" + pid + "/fd"))) {
            for (Path file : files) {
                String target;
                try {
                    target = Files.readSymbolicLink(file).toString();
                } catch (IOException e) {
                    // Closed while we looked.
                    continue;
                }
                if (target.startsWith("socket:[")) {
                    inodes.add(Long.parseLong(target.substring(8, target.length() - 1)));
                }
            }
        } catch (AccessDeniedException e) {
            throw e;
        } catch (IOException | DirectoryIteratorException e) {
            // Ended while we looked.
            return inodes;
        }
        return inodes;
    }
}
