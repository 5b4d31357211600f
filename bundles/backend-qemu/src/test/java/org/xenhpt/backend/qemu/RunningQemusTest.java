// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;

@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RunningQemusTest {
    @TempDir
    Path folder;

    private Path program;

    @BeforeEach
    void aProgramWithTheRightName() throws IOException {
        folder = folder.toRealPath();
        program = Files.createSymbolicLink(folder.resolve("qemu-system-fake"),
                Path.of(System.getProperty("java.home"), "bin", "java"));
    }

    @AfterEach
    void removeTheLink() throws IOException {
        Files.delete(program);
    }

    /** A busy machine may take longer than a listing waits. */
    private List<GuestInfo> answersIn(Path directory) {
        List<GuestInfo> guests = guestsIn(directory);
        while (guests.stream().allMatch(guest -> guest.state() == GuestState.UNKNOWN)) {
            guests = guestsIn(directory);
        }
        return guests;
    }

    private List<GuestInfo> guestsIn(Path directory) {
        return new QemuBackend().guests().stream()
                .filter(guest -> guest.uri().name().startsWith(directory.toString())).toList();
    }

    @Test
    void asksAGuestWhoseSocketIsFree() throws IOException {
        String socket = folder.resolve("qmp").toString();
        Process qemu = FakeQemu.start(program, folder, socket, "-m", "5G", "-qmp", "unix:" + socket + ",server=on");
        try {
            assertThat(answersIn(folder)).containsExactly(new GuestInfo(new GuestUri("qemu", socket), "fake",
                    "QEMU 7.2.22 (KVM)", GuestState.RUNNING, FakeQemu.RAM_SIZE, 1));
        } finally {
            qemu.destroyForcibly();
        }
    }

    @Test
    void leavesAGuestAloneWhoseSocketIsBusy() throws IOException {
        Path socket = folder.resolve("qmp");
        Process qemu = FakeQemu.start(program, folder, socket.toString(), "-name", "told", "-m", "5G", "-smp", "3",
                "-qmp", "unix:" + socket + ",server=on");
        try (SocketChannel other = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            // Once it greets, the other client is the accepted one.
            other.read(ByteBuffer.allocate(10));
            assertThat(guestsIn(folder)).containsExactly(new GuestInfo(new GuestUri("qemu", socket.toString()),
                    "told", "QEMU", GuestState.UNKNOWN, 5L << 30, 3));
        } finally {
            qemu.destroyForcibly();
        }
    }

    @Test
    void aGuestThatHangsIsListedInTime() throws Exception {
        Path socket = folder.resolve("qmp");
        Process qemu = FakeQemu.start(program, folder, socket.toString(), "-name", "told",
                "-qmp", "unix:" + socket + ",server=on");
        try {
            signal(qemu, "STOP");
            assertThat(guestsIn(folder)).extracting(GuestInfo::state).containsExactly(GuestState.UNKNOWN);
        } finally {
            signal(qemu, "CONT");
            qemu.destroyForcibly();
        }
    }

    private static void signal(Process process, String signal) throws Exception {
        assertThat(new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start()
                .waitFor()).isZero();
    }

    @Test
    void relativePathsLeadToTheSocketAlsoOfADaemon() throws IOException {
        for (String daemonize : new String[] {"-nodefaults", "-daemonize"}) {
            Path directory = Files.createDirectory(folder.resolve("in" + daemonize));
            Process qemu = FakeQemu.start(program, directory, "qmp", "-qmp", "unix:qmp,server=on", daemonize);
            try {
                GuestUri uri = new GuestUri("qemu", directory.resolve("qmp").toString());
                assertThat(answersIn(directory)).extracting(GuestInfo::uri, GuestInfo::state)
                        .containsExactly(tuple(uri, GuestState.RUNNING));
                try (Guest guest = new QemuBackend(FakeQmp.ENOUGH).open(uri)) {
                    assertThat(guest.memory().window(0).bytes().getLong(8)).isEqualTo(FakeQemu.word(8));
                }
            } finally {
                qemu.destroyForcibly();
            }
        }
    }

    @Test
    void aQemuWithoutQmpIsNoGuestForUs() throws IOException {
        Process qemu = FakeQemu.start(program, folder, folder.resolve("qmp").toString(), "-m", "5G");
        try {
            assertThat(guestsIn(folder)).isEmpty();
        } finally {
            qemu.destroyForcibly();
        }
    }
}
