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
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;

/**
 * Lists the guests whose QEMU runs on this machine with a QMP socket. A guest is asked over QMP only where nobody else is
 * connected, and all of them together only for about a second; of the others the command line tells what it can.
 */
final class RunningQemus {
    private static final Duration ALL = Duration.ofSeconds(1);
    private static final Duration ONE = Duration.ofMillis(300);
    private static final int MAX_COMMAND_LINE = 1 << 20;

    private RunningQemus() {
    }

    static List<GuestInfo> list() {
        long deadline = System.nanoTime() + ALL.toNanos();
        List<GuestInfo> guests = new ArrayList<>();
        QemuFinder.processes().stream().sorted().forEach(pid -> {
            List<String> arguments = arguments(pid);
            if (isQemu(arguments)) {
                guest(pid, new QemuCommandLine(arguments), deadline).ifPresent(guests::add);
            }
        });
        return guests;
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

    private static Optional<GuestInfo> guest(long pid, QemuCommandLine line, long deadline) {
        List<Path> sockets = new ArrayList<>();
        for (QemuCommandLine.QmpSocket socket : line.qmpSockets()) {
            path(pid, socket).ifPresent(sockets::add);
        }
        if (sockets.isEmpty()) {
            return Optional.empty();
        }
        Path free = null;
        for (Path socket : sockets) {
            if (UnixSockets.connections(socket) == 0) {
                free = socket;
                break;
            }
        }
        GuestUri uri = new GuestUri(QemuBackend.SCHEME, (free == null ? sockets.get(0) : free).toString());
        Duration left = Duration.ofNanos(deadline - System.nanoTime());
        if (free != null && !left.isNegative()) {
            Duration patience = left.compareTo(ONE) < 0 ? left : ONE;
            try (QmpClient qmp = QmpClient.connect(uri.toString(), free,
                    new QmpClient.Patience(patience, patience))) {
                return Optional.of(QemuStatus.ask(uri, qmp));
            } catch (HptException e) {
                // Of a guest that cannot be asked now the command line still tells something.
            }
        }
        return Optional.of(new GuestInfo(uri, line.name().orElse(uri.name()), "QEMU", GuestState.UNKNOWN,
                line.memoryBytes(), line.vcpus()));
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
