// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
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
 * Lists the guests whose QEMU runs on this machine with a QMP socket. A guest is asked over QMP only where nobody else is
 * connected, and all of them together only for a second and a half; of the others the command line tells what it can.
 */
final class RunningQemus {
    private static final Duration ALL = Duration.ofMillis(1500);
    private static final int AT_ONCE = 16;
    private static final int MAX_COMMAND_LINE = 1 << 20;

    private RunningQemus() {
    }

    static List<GuestInfo> list() {
        List<Found> found = new ArrayList<>();
        QemuFinder.processes().stream().sorted().forEach(pid -> {
            List<String> arguments = arguments(pid);
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
                return QemuStatus.ask(uri(), qmp);
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

    private static List<String> arguments(long pid) {
        try (var file = Files.newInputStream(Path.of("/proc/" + pid + "/cmdline"))) {
            String text = new String(file.readNBytes(MAX_COMMAND_LINE), StandardCharsets.UTF_8);
            return List.of(text.split("\0"));
        } catch (IOException e) {
            return List.of();
        }
    }

    private static Optional<Found> find(long pid, QemuCommandLine line) {
        List<Path> sockets = new ArrayList<>();
        for (QemuCommandLine.QmpSocket socket : line.qmpSockets()) {
            path(pid, socket).ifPresent(sockets::add);
        }
        for (Path socket : sockets) {
            if (UnixSockets.connections(socket) == 0) {
                return Optional.of(new Found(socket, true, line));
            }
        }
        return sockets.isEmpty() ? Optional.empty() : Optional.of(new Found(sockets.get(0), false, line));
    }

    /** The socket's path as we can use it; empty when it cannot be told. */
    private static Optional<Path> path(long pid, QemuCommandLine.QmpSocket socket) {
        try {
            String path = socket.path();
            if (socket.fd().isPresent()) {
                path = boundPath(pid, socket.fd().getAsInt());
            }
            if (path.isEmpty()) {
                return Optional.empty();
            }
            if (!path.startsWith("/")) {
                path = Files.readSymbolicLink(Path.of("/proc/" + pid + "/cwd")).resolve(path).toString();
            }
            return Optional.of(Path.of(path));
        } catch (IOException | InvalidPathException e) {
            return Optional.empty();
        }
    }

    private static String boundPath(long pid, int fd) throws IOException {
        String target = Files.readSymbolicLink(Path.of("/proc/" + pid + "/fd/" + fd)).toString();
        return UnixSockets.of(Long.toString(pid)).stream()
                .filter(socket -> socket.listening() && target.equals("socket:[" + socket.inode() + "]"))
                .map(UnixSockets.UnixSocket::path).findFirst().orElse("");
    }
}
