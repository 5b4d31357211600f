// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.Register;

@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
// A server is there to be connected to, not to be named.
@SuppressWarnings("try")
class QemuGuestTest {
    @TempDir
    Path folder;

    private Path socket() {
        return folder.resolve("qmp");
    }

    private Guest open() {
        return new QemuBackend(FakeQmp.ENOUGH).open(new GuestUri("qemu", socket().toString()));
    }

    private HptException failure() {
        return catchThrowableOfType(HptException.class, () -> open().close());
    }

    private void poke(int gpa, long value) {
        try (QmpClient client = QmpClient.connect("poke", socket(), FakeQmp.ENOUGH)) {
            client.monitor("poke " + gpa + " " + value);
        }
    }

    private static long word(PhysicalMemory memory, long gpa) {
        MemoryWindow window = memory.window(gpa);
        assertThat(window.size()).isGreaterThan(0);
        return window.bytes().getLong((int) (gpa - window.gpa()));
    }

    private static void assertHoldsItsRam(PhysicalMemory memory) {
        assertThat(memory.live()).isTrue();
        assertThat(memory.ranges()).containsExactly(new MemoryRange(0, 0xa0000), new MemoryRange(0x100000, 2 << 20),
                new MemoryRange(FakeQemu.HIGH, 2 << 20));
        for (MemoryRange range : memory.ranges()) {
            for (long gpa = range.gpa(); gpa < range.end(); gpa += 4096 - 8) {
                assertThat(word(memory, gpa & -8)).isEqualTo(FakeQemu.word(gpa & -8));
            }
            assertThat(word(memory, range.end() - 8)).isEqualTo(FakeQemu.word(range.end() - 8));
            byte[] bytes = new byte[(int) range.size() + 4096];
            assertThat(memory.read(range.gpa(), bytes, 0, bytes.length)).isEqualTo((int) range.size());
            ByteBuffer read = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < range.size(); i += 8) {
                if (read.getLong(i) != FakeQemu.word(range.gpa() + i)) {
                    assertThat(read.getLong(i)).as("word at %x", range.gpa() + i)
                            .isEqualTo(FakeQemu.word(range.gpa() + i));
                }
            }
            byte[] few = new byte[24];
            assertThat(memory.read(range.end() - 8, few, 8, 16)).isEqualTo(8);
            assertThat(ByteBuffer.wrap(few).order(ByteOrder.LITTLE_ENDIAN).getLong(8))
                    .isEqualTo(FakeQemu.word(range.end() - 8));
        }
        for (long gpa : new long[] {-1, 0xa0000, 0xfffff, 0x300000, 0xfd000000L, FakeQemu.HIGH - 1,
            FakeQemu.HIGH + (2 << 20), Long.MIN_VALUE, Long.MAX_VALUE}) {
            assertThat(memory.window(gpa)).as("window at %x", gpa).isSameAs(MemoryWindow.NONE);
            assertThat(memory.read(gpa, new byte[1 << 16], 0, 1 << 16)).as("read at %x", gpa).isZero();
            assertThat(memory.machineAddress(gpa)).as("machine address at %x", gpa).isZero();
        }
    }

    @Test
    void sharedRamIsMapped() throws IOException {
        Process qemu = FakeQemu.start(socket().toString(), folder.resolve("ram").toString());
        try (Guest guest = open()) {
            assertHoldsItsRam(guest.memory());
            MemoryWindow window = guest.memory().window(0x123456);
            assertThat(window.bytes().isDirect()).isTrue();
            assertThat(window.size()).isEqualTo(2 << 20);
            assertThat(guest.memory().machineAddress(0x123456) - guest.memory().machineAddress(0x100000))
                    .isEqualTo(0x23456);
            assertThat(guest.memory().machineAddress(0x100000)).isNotZero();

            // What the guest writes is seen without asking again.
            poke(0x100008, 42);
            assertThat(window.bytes().getLong(8)).isEqualTo(42);
        } finally {
            qemu.destroyForcibly();
        }
    }

    @Test
    void sharedRamWhoseFileWasDeletedIsMapped() throws IOException {
        Process qemu = FakeQemu.start(socket().toString(), folder.resolve("ram").toString());
        Files.delete(folder.resolve("ram"));
        Files.writeString(folder.resolve("ram"), "another file of the same name");
        try (Guest guest = open()) {
            assertHoldsItsRam(guest.memory());
        } finally {
            qemu.destroyForcibly();
        }
    }

    @Test
    void otherRamIsCopied() throws IOException {
        Process qemu = FakeQemu.start(socket().toString());
        try (Guest guest = open()) {
            PhysicalMemory memory = guest.memory();
            assertHoldsItsRam(memory);
            assertThat(memory.machineAddress(0x100000)).isZero();
            assertThat(word(memory, 0x100008)).isEqualTo(FakeQemu.word(0x100008));

            // A copy holds within a reading, and no longer.
            poke(0x100008, 42);
            assertThat(word(memory, 0x100008)).isEqualTo(FakeQemu.word(0x100008));
            memory.refresh();
            assertThat(word(memory, 0x100008)).isEqualTo(42);
            assertThat(memory.window(0x100008)).isSameAs(memory.window(0x100ff0));
        } finally {
            qemu.destroyForcibly();
        }
    }

    @Test
    void tellsOfTheGuest() throws IOException {
        try (FakeQemu qemu = FakeQemu.anonymous(socket()); Guest guest = open()) {
            GuestUri uri = new GuestUri("qemu", socket().toString());
            assertThat(guest.info()).isEqualTo(new GuestInfo(uri, "fake", "QEMU 7.2.22 (KVM)", GuestState.RUNNING,
                    FakeQemu.RAM_SIZE, 1));
            assertThat(guest.vmcoreinfo()).isEmpty();
            assertThat(guest.registers()).hasSize(1);
            assertThat(guest.registers().get(0).get(Register.RIP)).hasValue(0xffffffff819eb2bbL);

            qemu.says("query-name", "{}").says("query-kvm", "{\"enabled\": false}")
                    .says("query-status", "{\"status\": \"guest-panicked\"}").says("query-memory-size-summary", "{}");
            // With -accel tcg,thread=single all vCPUs are one thread.
            long thread = ProcessHandle.current().pid();
            qemu.says("query-cpus-fast", "[{\"thread-id\": " + thread + "}, {\"thread-id\": " + thread + "}]");
            try (Guest again = open()) {
                assertThat(again.info()).isEqualTo(new GuestInfo(uri, uri.name(), "QEMU 7.2.22 (TCG)",
                        GuestState.CRASHED, -1, 2));
            }
        }
    }

    @Test
    void aGuestThatEndsIsGone() throws Exception {
        for (String[] arguments : new String[][] {{socket().toString()},
            {socket().toString(), folder.resolve("ram").toString()}}) {
            Files.deleteIfExists(socket());
            Process qemu = FakeQemu.start(arguments);
            try (Guest guest = open()) {
                PhysicalMemory memory = guest.memory();
                MemoryWindow window = memory.window(0x100000);
                memory.refresh();
                qemu.destroyForcibly().waitFor();

                assertGone(memory::refresh);
                assertGone(guest::registers);
                // A window that was given out stays readable, and a new one is told from no RAM.
                assertThat(window.bytes().getLong(0)).isEqualTo(FakeQemu.word(0x100000));
                if (arguments.length == 1) {
                    assertGone(() -> memory.window(FakeQemu.HIGH));
                    assertGone(() -> memory.read(FakeQemu.HIGH, new byte[1 << 20], 0, 1 << 20));
                }
            } finally {
                qemu.destroyForcibly();
            }
            assertThat(failure().reason()).isEqualTo(Reason.NO_SUCH_GUEST);
        }
    }

    private static void assertGone(Runnable reading) {
        HptException error = catchThrowableOfType(HptException.class, reading::run);
        assertThat(error.reason()).isEqualTo(Reason.GUEST_GONE);
        assertThat(error).hasMessageContaining("has ended");
    }

    @Test
    void anEndedProcessIsNotTakenForItsSuccessor() throws Exception {
        Process child = new ProcessBuilder("sleep", "600").start();
        try (QemuProcess process = new QemuProcess("qemu:test", child.pid())) {
            assertThat(process.alive()).isTrue();
            process.requireAlive();
            child.destroyForcibly().waitFor();
            assertThat(process.alive()).isFalse();
        }
        HptException error = catchThrowableOfType(HptException.class,
                () -> new QemuProcess("qemu:test", child.pid()));
        assertThat(error.reason()).isEqualTo(Reason.GUEST_GONE);
    }

    @Test
    void windowsUsedAfterCloseDoNotEndTheProcess() throws Exception {
        MemoryWindow window;
        try (FakeQemu qemu = FakeQemu.shared(socket(), folder.resolve("ram")); Guest guest = open()) {
            window = guest.memory().window(0x100000);
            assertThat(window.bytes().getLong(0)).isEqualTo(FakeQemu.word(0x100000));
        }
        // The guest's memory is given back: the window shows empty memory in its place.
        while (window.bytes().getLong(0) != 0) {
            Thread.sleep(10);
        }
        assertThat(window.bytes().getLong(window.size() - 8)).isZero();
    }

    @Test
    void moreCopiesThanAreKept() throws IOException {
        try (QemuProcess self = new QemuProcess("qemu:test", ProcessHandle.current().pid());
                ProcessMemory memory = new ProcessMemory(self); FakeQemu qemu = FakeQemu.shared(socket(),
                        folder.resolve("ram"))) {
            HostMapping ram = self.mappings().stream().filter(one -> one.path().endsWith("/ram")).findFirst()
                    .orElseThrow();
            MemoryWindow first = memory.window(0, ram.start());
            for (long page = 1; page < 2 * ProcessMemory.MAX_COPIES + 5; page++) {
                MemoryWindow copy = memory.window(page << 12, ram.start() + (page % 100 << 12));
                assertThat(copy.gpa()).isEqualTo(page << 12);
                assertThat(copy.bytes().getLong(8)).isEqualTo(FakeQemu.word((page % 100 << 12) + 8));
            }
            assertThat(first.bytes().getLong(16)).isEqualTo(FakeQemu.word(16));
            assertThat(memory.window(0x5000, 0)).isSameAs(MemoryWindow.NONE);
            assertThat(memory.read(0, new byte[1], 0, 1)).isZero();
        }
    }

    @Test
    void ramThatTheProcessDoesNotHave() throws IOException {
        try (FakeQemu qemu = FakeQemu.anonymous(socket())) {
            String lie = FakeQemu.quoted("Host virtual address for 0x0 (pc.ram) is 0x1000\r\n");
            qemu.says("info mtree -f", "0009ffff", "00000fff").says("gpa2hva 0x0", lie);
            assertThat(failure().reason()).isEqualTo(Reason.UNREADABLE_GUEST);
            assertThat(failure()).hasMessageContaining("where process").hasMessageContaining("has no such memory");

            qemu.says("gpa2hva 0x0", FakeQemu.quoted("Memory at address 0x0 is not RAM\r\n"));
            assertThat(failure()).hasMessageContaining("Memory at address 0x0 is not RAM");
            qemu.says("gpa2hva 0x0", "{}");
            assertThat(failure()).hasMessageContaining("returned no text");
        }
    }

    @Test
    void ramThatIsTornOrTooLong() throws IOException {
        try (FakeQemu qemu = FakeQemu.anonymous(socket())) {
            // 2^51 bytes, of which QEMU says that they are in one piece.
            qemu.says("info mtree -f", "00000001001fffff", "0007ffffffffffff");
            assertThat(failure()).hasMessageContaining("has no such memory");
            qemu.says("gpa2hva 0x7fffffffff000", FakeQemu.quoted("Host virtual address for 0x1 (r) is 0x7000\r\n"));
            assertThat(failure()).hasMessageContaining("in one piece, and that it is not");
        }
    }

    @Test
    void aFileThatBecameShorterIsNotMapped() throws IOException {
        Process qemu = FakeQemu.start(socket().toString(), folder.resolve("ram").toString());
        try {
            try (var file = new java.io.RandomAccessFile(folder.resolve("ram").toFile(), "rw")) {
                file.setLength(1 << 20);
            }
            try (Guest guest = open()) {
                PhysicalMemory memory = guest.memory();
                assertThat(word(memory, 0x1000)).isEqualTo(FakeQemu.word(0x1000));
                assertThat(memory.window(FakeQemu.HIGH)).isSameAs(MemoryWindow.NONE);
                assertThat(memory.read(FakeQemu.HIGH, new byte[1 << 16], 0, 1 << 16)).isZero();
            }
        } finally {
            qemu.destroyForcibly();
        }
    }

    @Test
    void aProxyIsNotTheGuest() throws IOException {
        try (FakeQemu qemu = FakeQemu.anonymous(socket())) {
            // The thread exists, and belongs to another process than the one that listens.
            qemu.says("query-cpus-fast", "[{\"cpu-index\": 0, \"thread-id\": 1}]");
            HptException error = failure();
            assertThat(error.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
            assertThat(error).hasMessageContaining("the guest's vCPUs are not its threads");
        }
    }

    @Test
    void theSocketIsFoundByAnyPath() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("link"), socket());
        Files.createDirectory(folder.resolve("sub"));
        try (FakeQemu qemu = FakeQemu.anonymous(socket())) {
            for (Path path : new Path[] {link, folder.resolve("sub/../qmp")}) {
                new QemuBackend(FakeQmp.ENOUGH).open(new GuestUri("qemu", path.toString())).close();
            }
            long self = ProcessHandle.current().pid();
            try (QemuProcess process = new QemuFinder("qemu:test", socket()).find(Set.of())) {
                assertThat(process.pid()).isEqualTo(self);
            }
        }
    }

    @Test
    void registersOfAnotherGuestAtTheSameSocketAreNotTaken() throws IOException {
        try (FakeQemu qemu = FakeQemu.anonymous(socket()); Guest guest = open()) {
            qemu.says("query-cpus-fast", "[{\"cpu-index\": 0, \"thread-id\": 1}]");
            HptException error = catchThrowableOfType(HptException.class, guest::registers);
            assertThat(error.reason()).isEqualTo(Reason.GUEST_GONE);
        }
    }

    @Test
    void noSuchSocket() {
        assertThat(failure().reason()).isEqualTo(Reason.NO_SUCH_GUEST);
        HptException error = catchThrowableOfType(HptException.class,
                () -> new QemuBackend().open(new GuestUri("qemu", "a\0b")));
        assertThat(error.reason()).isEqualTo(Reason.NO_SUCH_GUEST);
    }

    @Test
    void listsGuestsWithoutFailing() {
        assertThat(new QemuBackend().scheme()).isEqualTo("qemu");
        assertThat(new QemuBackend().guests()).allSatisfy(guest -> assertThat(guest.uri().scheme()).isEqualTo("qemu"));
    }
}
