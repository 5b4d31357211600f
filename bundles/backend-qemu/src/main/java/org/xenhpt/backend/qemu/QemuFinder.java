// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/**
 * Finds the process that serves a QMP socket. What the peer says of itself only speeds up the search: the process must
 * hold the listening socket, or a socket anyone made could have us read any process; and the vCPU threads that the peer
 * named must be its own, or it is a proxy and the guest lies elsewhere.
 */
final class QemuFinder {
    private static final Path PROC = Path.of("/proc");
    private static final int MAX_TASKS = 65_536;
    private static final int MAX_HINTS = 16;

    private final String subject;
    private final Path socket;
    private final Map<String, List<UnixSockets.UnixSocket>> socketsOfNamespace = new HashMap<>();
    private boolean denied;

    /**
     * @param subject what errors name
     * @param socket  the QMP socket
     */
    QemuFinder(String subject, Path socket) {
        this.subject = subject;
        this.socket = socket;
    }

    /**
     * The process that listens at the socket and has these threads.
     *
     * @param threads thread numbers of the guest's vCPUs as QEMU sees them, in its own PID namespace
     * @throws HptException {@code ACCESS_DENIED} when it cannot be found for lack of permission,
     *         {@code UNREADABLE_GUEST} when it is not on this machine
     */
    QemuProcess find(Set<Long> threads) {
        Set<Long> listeners = new LinkedHashSet<>();
        Optional<QemuProcess> found = among(named(threads), threads, listeners);
        if (found.isEmpty()) {
            found = among(processes(), threads, listeners);
        }
        if (found.isPresent()) {
            return found.get();
        }
        if (!listeners.isEmpty()) {
            long listener = listeners.iterator().next();
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, "process " + listener + " ("
                    + command(listener) + ") listens at the socket, but the guest's vCPUs are not its threads")
                    .next("if it is a proxy, name QEMU's own socket, on the machine where QEMU runs");
        }
        if (denied) {
            throw new HptException(Step.BACKEND, Reason.ACCESS_DENIED, subject,
                    "no permission to look for the QEMU process that listens at the socket")
                    .next("run hpt as root, or as the user who runs QEMU");
        }
        throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject,
                "no process that can be seen from here listens at the socket")
                .tried("the open files of every process in /proc")
                .next("run hpt where QEMU runs, outside of any container");
    }

    private Optional<QemuProcess> among(Iterable<Long> pids, Set<Long> threads, Set<Long> listeners) {
        for (long pid : pids) {
            if (listens(pid)) {
                QemuProcess process = new QemuProcess(subject, pid);
                // Looked at again, now that the process is watched: its number could have been used anew in between.
                if (listens(pid) && hasThreads(pid, threads)) {
                    return Optional.of(process);
                }
                process.close();
                listeners.add(pid);
            }
        }
        return Optional.empty();
    }

    /** The processes that have the threads that the peer named, which spares a search through all. */
    private static Set<Long> named(Set<Long> threads) {
        Set<Long> pids = new LinkedHashSet<>();
        threads.stream().limit(MAX_HINTS).forEach(thread -> field(thread, "Tgid:").ifPresent(pids::add));
        return pids;
    }

    /** The numbers of the processes that run now; empty without {@code /proc}. */
    static List<Long> processes() {
        return numbers(PROC);
    }

    private static List<Long> numbers(Path folder) {
        List<Long> numbers = new ArrayList<>();
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, "[0-9]*")) {
            for (Path entry : entries) {
                numbers.add(Long.parseLong(entry.getFileName().toString()));
            }
        } catch (IOException | DirectoryIteratorException | NumberFormatException e) {
            // Processes and threads end while they are listed.
            return numbers;
        }
        return numbers;
    }

    /** The name of a process, or an empty string. */
    static String command(long pid) {
        try {
            return Files.readString(Path.of("/proc/" + pid + "/comm")).trim();
        } catch (IOException e) {
            return "";
        }
    }

    private boolean listens(long pid) {
        Set<Long> inodes = new HashSet<>();
        for (UnixSockets.UnixSocket one : socketsSeenBy(pid)) {
            if (one.listening() && sameName(one.path())) {
                inodes.add(one.inode());
            }
        }
        if (inodes.isEmpty()) {
            return false;
        }
        try {
            inodes.retainAll(UnixSockets.inodes(pid));
        } catch (AccessDeniedException e) {
            denied = true;
            return false;
        }
        return !inodes.isEmpty() && socketsSeenBy(pid).stream()
                .anyMatch(one -> inodes.contains(one.inode()) && isOurSocket(pid, one.path()));
    }

    private List<UnixSockets.UnixSocket> socketsSeenBy(long pid) {
        String namespace;
        try {
            namespace = Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/net")).toString();
        } catch (IOException e) {
            // Another user's process: most run in our own namespace.
            denied |= Files.exists(Path.of("/proc/" + pid));
            return socketsOfNamespace.computeIfAbsent("self", UnixSockets::of);
        }
        return socketsOfNamespace.computeIfAbsent(namespace, name -> UnixSockets.of(Long.toString(pid)));
    }

    /** Cheap, and enough to leave out nearly every socket: a relative path has the same last component. */
    private boolean sameName(String path) {
        String name = UnixSockets.lastComponent(path);
        try {
            return name.equals(socket.getFileName().toString())
                    || name.equals(socket.toRealPath().getFileName().toString());
        } catch (IOException e) {
            return false;
        }
    }

    /** A path means what it means to the process: from its working directory, under its root. */
    private boolean isOurSocket(long pid, String path) {
        try {
            if (Files.isSameFile(socket, Path.of("/proc/" + pid + (path.startsWith("/") ? "/root" : "/cwd/") + path))) {
                return true;
            }
        } catch (IOException | InvalidPathException e) {
            // Not the path, then; the directory may be another now.
        }
        try {
            // With -daemonize QEMU goes to another directory after it has bound the socket. That the same user made the
            // socket is enough then, since to its own maker nothing is given away by mistaking one for another.
            return !path.startsWith("/") && Files.getAttribute(socket, "unix:uid")
                    .equals(Files.getAttribute(Path.of("/proc/" + pid), "unix:uid"));
        } catch (IOException e) {
            return false;
        }
    }

    private static boolean hasThreads(long pid, Set<Long> threads) {
        Path tasks = Path.of("/proc/" + pid + "/task");
        if (threads.stream().allMatch(
                thread -> Files.isDirectory(tasks.resolve(thread.toString()), LinkOption.NOFOLLOW_LINKS))) {
            return true;
        }
        // In a PID namespace of its own QEMU knows its threads by other numbers: the last of the line NSpid.
        Set<Long> own = new HashSet<>();
        numbers(tasks).stream().limit(MAX_TASKS).forEach(thread -> field(thread, "NSpid:").ifPresent(own::add));
        return own.containsAll(threads);
    }

    /** The last number in a line of {@code /proc/PID/status}. */
    private static Optional<Long> field(long task, String name) {
        try {
            Path status = Path.of("/proc/" + task + "/status");
            return Files.readAllLines(status, StandardCharsets.ISO_8859_1).stream()
                    .filter(line -> line.startsWith(name)).findFirst()
                    .map(line -> Long.valueOf(line.substring(name.length()).trim().replaceAll(".*\\s", "")));
        } catch (IOException | NumberFormatException e) {
            return Optional.empty();
        }
    }
}
