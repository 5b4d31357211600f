// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;

class FileBackendTest {
    @TempDir
    private Path folder;

    @Test
    void listsNoGuests() {
        FileBackend backend = new FileBackend();
        assertThat(backend.scheme()).isEqualTo("file");
        assertThat(backend.guests()).isEmpty();
    }

    @Test
    void saysWhatItOpened() {
        Path path = Samples.write(folder, "guest.raw", new byte[1 << 20]);
        GuestUri uri = new GuestUri("file", path.toString());
        try (Guest guest = new FileBackend().open(uri)) {
            assertThat(guest.info().uri()).isEqualTo(uri);
            assertThat(guest.info().name()).isEqualTo("guest.raw");
            assertThat(guest.info().state()).isEqualTo(GuestState.IMAGE);
            assertThat(guest.info().type()).isEqualTo("raw");
            assertThat(guest.info().memoryBytes()).isEqualTo(1 << 20);
            assertThat(guest.info().vcpus()).isEqualTo(-1);
            assertThat(guest.registers()).isEmpty();
            assertThat(guest.vmcoreinfo()).isEmpty();
            assertThat(guest.memory().live()).isFalse();
        }
    }

    @Test
    void namesTheMissingFileByItsAbsolutePath() {
        HptException e = Samples.failure(Path.of("no", "such.elf"));
        assertThat(e.reason()).isEqualTo(Reason.NO_SUCH_GUEST);
        assertThat(e.subject()).isEqualTo(Path.of("no", "such.elf").toAbsolutePath().toString());
    }

    @Test
    void refusesWhatIsNoFile() {
        assertThat(Samples.unreadable(folder).detail()).contains("directory");
        assertThat(Samples.unreadable(Path.of("/dev/null")).detail()).contains("not a regular file");
        assertThat(Samples.unreadable(Samples.write(folder, "empty", new byte[0])).detail()).contains("empty");
        HptException e = catchThrowableOfType(HptException.class,
                () -> new FileBackend().open(new GuestUri("file", "a\0b")));
        assertThat(e.reason()).isEqualTo(Reason.NO_SUCH_GUEST);
    }

    @Test
    void tellsARefusalFromOtherFailures() {
        HptException denied = FileBackend.refused(folder, new AccessDeniedException(folder.toString()));
        assertThat(denied.reason()).isEqualTo(Reason.ACCESS_DENIED);
        FileNotFoundException hidden = new FileNotFoundException("(Permission denied)");
        assertThat(FileBackend.refused(folder.resolve("hidden"), hidden).reason()).isEqualTo(Reason.ACCESS_DENIED);
        assertThat(FileBackend.refused(folder, new FileNotFoundException("(Too many open files)")).reason())
                .isEqualTo(Reason.UNREADABLE_GUEST);
        HptException failed = FileBackend.refused(folder, new FileSystemException("a", null, "Input/output error"));
        assertThat(failed.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
        assertThat(failed.getMessage()).contains("Input/output error");
        assertThat(FileBackend.refused(folder, new IOException()).getMessage()).contains("IOException");
    }

    @Test
    void aClosedImageIsGone() {
        Guest guest = Samples.open(Samples.write(folder, "guest.raw", new byte[1 << 20]));
        guest.close();
        HptException e = catchThrowableOfType(HptException.class, () -> guest.memory().window(0));
        assertThat(e.reason()).isEqualTo(Reason.GUEST_GONE);
        guest.close();
    }

    @Test
    void aFileThatShrinksIsGoneWhenTheNextReadingBegins() throws IOException {
        Path path = Samples.write(folder, "guest.raw", new byte[4 << 20]);
        try (Guest guest = Samples.open(path)) {
            Samples.read(guest.memory(), 3 << 20, 4096);
            guest.memory().refresh();
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.setLength(1 << 20);
            }
            HptException e = catchThrowableOfType(HptException.class, () -> guest.memory().refresh());
            assertThat(e.reason()).isEqualTo(Reason.GUEST_GONE);
            assertThat(e.subject()).isEqualTo(path.toString());
        }
    }

    @Test
    void aCompressedFileThatShrinksWhileItIsReadIsGone() throws IOException {
        KdumpImage image = new KdumpImage(true, 256);
        for (int gfn = 0; gfn < 256; gfn++) {
            image.page(gfn);
        }
        Path path = Samples.write(folder, "guest.kdump", image.bytes());
        try (Guest guest = Samples.open(path)) {
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.setLength(100_000);
            }
            assertThatThrownBy(() -> guest.memory().window(255 * 4096)).isInstanceOfSatisfying(HptException.class,
                    e -> assertThat(e.reason()).isEqualTo(Reason.GUEST_GONE));
        }
    }

    /** An interrupt closes the channel of whoever maps in that moment; a guest must outlive an interrupted command. */
    @Test
    void anInterruptedReaderDoesNotCloseTheImage() throws IOException {
        Path raw = folder.resolve("guest.raw");
        try (RandomAccessFile file = new RandomAccessFile(raw.toFile(), "rw")) {
            file.setLength(2L << 30);
        }
        Path kdump = Samples.write(folder, "guest.kdump", new KdumpImage(true, 256).page(1).page(2).bytes());
        try (Guest mapped = Samples.open(raw); Guest inflated = Samples.open(kdump)) {
            Thread.currentThread().interrupt();
            try {
                assertThat(Samples.read(mapped.memory(), 700 << 20, 4096)).containsOnly(0);
                mapped.memory().refresh();
                Samples.assertPage(inflated.memory(), 4096, 1);
            } finally {
                assertThat(Thread.interrupted()).isTrue();
            }
            assertThat(Samples.read(mapped.memory(), 1500 << 20, 4096)).containsOnly(0);
            Samples.assertPage(inflated.memory(), 8192, 2);
        }
    }
}
