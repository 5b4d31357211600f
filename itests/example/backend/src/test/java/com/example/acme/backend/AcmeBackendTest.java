// SPDX-License-Identifier: Apache-2.0
package com.example.acme.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.testkit.FakeMemory;
import org.xenhpt.testkit.GuestCheck;

class AcmeBackendTest {
    private static final int PAGE = 4096;
    private static final long RAM = 1 << 20;

    private final AcmeBackend backend = new AcmeBackend();

    @TempDir
    private Path folder;

    /** Frames 3, 4 and 255, each filled with its number. */
    private static ByteBuffer snapshot() {
        ByteBuffer file = ByteBuffer.allocate(4 * PAGE);
        file.put("ACMESNAP".getBytes()).putInt(1).putInt(3).putLong(RAM).putInt(3).putInt(4).putInt(255);
        for (int page = 0; page < 3; page++) {
            for (int i = 0; i < PAGE; i++) {
                file.put((1 + page) * PAGE + i, (byte) file.getInt(24 + 4 * page));
            }
        }
        return file;
    }

    private Guest open(byte[] content) throws IOException {
        Path file = Files.write(folder.resolve("snapshot"), content);
        return backend.open(new GuestUri("acme", file.toString()));
    }

    @Test
    void readsWhatIsThereAndZerosElsewhere() throws IOException {
        FakeMemory truth = new FakeMemory(RAM);
        for (int frame : new int[] {3, 4, 255}) {
            for (int i = 0; i < PAGE; i++) {
                truth.putByte(frame * PAGE + i, frame);
            }
        }
        try (Guest guest = open(snapshot().array())) {
            GuestCheck.check(guest, truth);
        }
    }

    @Test
    void noFileIsBelieved() {
        refused(file -> file.put(0, (byte) 'B'), "not a snapshot");
        refused(file -> file.putInt(8, 2), "not a snapshot");
        refused(file -> file.putInt(12, 4), "cut off");
        refused(file -> file.putInt(12, -1), "cut off");
        refused(file -> file.putLong(16, 1 << 19), "not in its RAM");
        refused(file -> file.putLong(16, -PAGE), "impossible");
        refused(file -> file.putLong(16, 1000), "impossible");
        refused(file -> file.putInt(28, 3), "out of order");
        refused(file -> file.putInt(24, -1), "out of order");
        refused(file -> file.limit(23), "cut off");
        refused(file -> file.limit(4 * PAGE - 1), "cut off");
    }

    private void refused(Consumer<ByteBuffer> damage, String why) {
        ByteBuffer file = snapshot();
        file.rewind();
        damage.accept(file);
        byte[] content = new byte[file.limit()];
        file.get(0, content);
        assertThatExceptionOfType(HptException.class).isThrownBy(() -> open(content)).withMessageContaining(why)
                .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.UNREADABLE_GUEST));
    }

    @Test
    void aMissingFileIsNoGuest() {
        assertThatExceptionOfType(HptException.class)
                .isThrownBy(() -> backend.open(new GuestUri("acme", folder.resolve("none").toString())))
                .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.NO_SUCH_GUEST));
    }
}
