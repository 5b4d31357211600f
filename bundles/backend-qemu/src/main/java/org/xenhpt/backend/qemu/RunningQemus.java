// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;

/**
 * Lists the guests whose QEMU runs on this machine with a QMP socket. A guest is asked over QMP only where nobody else
 * is connected, and all of them together only for a second and a half; of the others the command line tells what it
 * can.
 */
final class RunningQemus {
    private static final Duration ALL = Duration.ofMillis(1500);
    private static final int AT_ONCE = 16;
    private static final int MAX_WORDS = 1 << 20;

    private RunningQemus() {
    }

    static List<GuestInfo> list() {
        List<Found> found = new ArrayList<>();
        QemuFinder.processes().stream().sorted().forEach(pid -> {
            List<String> arguments = words(pid, "cmdline");
            if (isQemu(arguments)) {
                find(pid, new QemuCommandLine(arguments)).ifPresent(found::add);
            }
        });
        List<Callable<GuestInfo>> questions = found.stream().<Callable<GuestInfo>>map(one -> one::ask).toList();
        if (questions.isEmpty()) {
            return List.of();
        }
        ExecutorService threads = Executors.newFixedThreadPool(Math.min(questions.size(), AT_ONCE), work -> {
            Thread thread = new Thread(work, "qemu-guests");
            thread.setDaemon(true);
            return thread;
        });
        try {
            List<Future<GuestInfo>> answers = threads.invokeAll(questions, ALL.toMillis(), TimeUnit.MILLISECONDS);
            List<GuestInfo> guests = new ArrayList<>();
            for (int i = 0; i < answers.size(); i++) {
                guests.add(answers.get(i).isCancelled() ? found.get(i).told() : answers.get(i).get());
            }
            return guests;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return found.stream().map(Found::told).toList();
        } catch (ExecutionException e) {
            throw new HptException(Step.BACKEND, Reason.INTERNAL, "qemu:", "listing guests failed: " + e.getCause(), e);
        } finally {
            threads.shutdownNow();
        }
    }

    /**
     * A guest whose QEMU was found.
     *
     * @param socket its QMP socket, if it has several one that is free
     * @param free   whether nobody else is connected there
     */
    private record Found(Path socket, boolean free, QemuCommandLine line) {
        GuestUri uri() {
            return new GuestUri(QemuBackend.SCHEME, socket.toString());
        }

        /** What QEMU says, or else its command line. */
        GuestInfo ask() {
            if (!free) {
                return told();
            }
            try (QmpClient qmp = QmpClient.connect(uri().toString(), socket, new QmpClient.Patience(ALL, ALL, ALL))) {
                return QemuStatus.ask(uri(), qmp).info();
            } catch (HptException e) {
                // Of a guest that cannot be asked now the command line still tells something.
                return told();
            }
        }

        GuestInfo told() {
            return new GuestInfo(uri(), line.name().orElse(socket.toString()), "QEMU", GuestState.UNKNOWN,
                    line.memoryBytes(), line.vcpus());
        }
    }

    private static boolean isQemu(List<String> arguments) {
        String program = arguments.isEmpty() ? "" : arguments.get(0);
        String name = program.substring(program.lastIndexOf('/') + 1);
        return name.startsWith("qemu") || name.equals("kvm");
    }

    /** A file of a process that holds texts, each ended by a NUL. */
    private static List<String> words(long pid, String name) {
        try (var file = Files.newInputStream(Path.of("/proc/" + pid, name))) {
            String text = new String(file.readNBytes(MAX_WORDS), StandardCharsets.UTF_8);
            return List.of(text.split("\0"));
        } catch (IOException e) {
            return List.of();
        }
    }

    private static Optional<Found> find(long pid, QemuCommandLine line) {
        Found first = null;
        for (QemuCommandLine.QmpSocket socket : line.qmpSockets()) {
            try {
                String bound = socket.fd().isPresent() ? boundPath(pid, socket.fd().getAsInt()) : socket.path();
                if (!bound.isEmpty()) {
                    Path path = asSeenHere(pid, bound);
                    Found found = new Found(path, Files.exists(path) && !busy(pid, bound), line);
                    if (found.free()) {
                        return Optional.of(found);
                    }
                    first = first == null ? found : first;
                }
            } catch (IOException | InvalidPathException e) {
                // Another user's process, or one that just ended: this socket cannot be named.
                continue;
            }
        }
        return Optional.ofNullable(first);
    }

    private static String boundPath(long pid, int fd) throws IOException {
        String target = Files.readSymbolicLink(Path.of("/proc/" + pid + "/fd/" + fd)).toString();
        return UnixSockets.of(Long.toString(pid)).stream()
                .filter(socket -> socket.listening() && target.equals("socket:[" + socket.inode() + "]"))
                .map(UnixSockets.UnixSocket::path).findFirst().orElse("");
    }

    /**
     * A relative path was meant from where QEMU was started. It is still there, unless -daemonize made it change to the
     * root directory: then the shell's PWD in its environment tells.
     */
    private static Path asSeenHere(long pid, String bound) throws IOException {
        if (bound.startsWith("/")) {
            return Path.of(bound);
        }
        Path fromHere = Files.readSymbolicLink(Path.of("/proc/" + pid + "/cwd")).resolve(bound);
        if (!Files.exists(fromHere)) {
            for (String variable : words(pid, "environ")) {
                if (variable.startsWith("PWD=/") && Files.exists(Path.of(variable.substring(4), bound))) {
                    return Path.of(variable.substring(4), bound);
                }
            }
        }
        return fromHere;
    }

    /** Whether QEMU serves a client at the socket: an accepted connection has the path of its listener. */
    private static boolean busy(long pid, String bound) {
        Set<Long> connected = new HashSet<>();
        UnixSockets.of(Long.toString(pid)).stream().filter(socket -> !socket.listening() && socket.path().equals(bound))
                .forEach(socket -> connected.add(socket.inode()));
        try {
            connected.retainAll(UnixSockets.inodes(pid));
        } catch (AccessDeniedException e) {
            // Then any connection counts, also one to another socket of this name.
            return !connected.isEmpty();
        }
        return !connected.isEmpty();
    }
}
