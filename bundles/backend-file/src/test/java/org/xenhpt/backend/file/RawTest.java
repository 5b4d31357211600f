// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.jna.Pointer;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;

class RawTest {
    private static final long GIB = 1L << 30;

    @TempDir
    private Path folder;

    @Test
    void offsetIsGpa() {
        try (Guest guest = Samples.open(Samples.write(folder, "raw", Samples.pages(0, 300)))) {
            PhysicalMemory memory = guest.memory();
            assertThat(memory.ranges()).containsExactly(new MemoryRange(0, 300 * 4096));
            for (int page = 0; page < 300; page++) {
                Samples.assertPage(memory, page * 4096, page);
            }
            Samples.assertNone(memory, 300 * 4096);
            Samples.assertNone(memory, -1);
            Samples.assertNone(memory, Long.MIN_VALUE);
            byte[] end = new byte[4096];
            assertThat(memory.read(300 * 4096 - 100, end, 0, 4096)).isEqualTo(100);
            assertThat(Arrays.copyOf(end, 100)).isEqualTo(Arrays.copyOfRange(Samples.page(299), 3996, 4096));
        }
    }

    @Test
    void tellsTheMachineAddress() {
        try (Guest guest = Samples.open(Samples.write(folder, "raw", Samples.pages(0, 256)))) {
            long address = guest.memory().machineAddress(7 * 4096 + 16);
            assertThat(new Pointer(address).getLong(0)).isEqualTo(7L << 12 | 16);
            assertThat(guest.memory().machineAddress(256 * 4096)).isZero();
        }
    }

    @Test
    void aWindowOnceMadeCostsNothing() {
        try (Guest guest = Samples.open(Samples.write(folder, "raw", Samples.pages(0, 256)))) {
            PhysicalMemory memory = guest.memory();
            memory.window(0);
            long allocated = Samples.allocatedBy(() -> {
                for (int i = 0; i < 1_000_000; i++) {
                    memory.window(i % 300 * 4096L);
                }
            });
            assertThat(allocated).isLessThan(100_000);
        }
    }

    /** Longer than an int can count, and than what the JVM maps in one piece. The file is sparse. */
    @Test
    void readsImagesBeyondFourGib() throws IOException {
        Path path = folder.resolve("big");
        long size = 5 * GIB + 4096 * 3;
        long[] marks = {0, GIB / 2 - 4096, GIB / 2, GIB, 2 * GIB - 4096, 2 * GIB, 3 * GIB, 4 * GIB + 8192, size - 4096};
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(size);
            for (long mark : marks) {
                file.seek(mark);
                file.write(Samples.page(mark / 4096));
            }
        }
        try (Guest guest = Samples.open(path)) {
            PhysicalMemory memory = guest.memory();
            assertThat(memory.ranges()).containsExactly(new MemoryRange(0, size));
            for (long mark : marks) {
                Samples.assertPage(memory, mark, mark / 4096);
                MemoryWindow window = memory.window(mark);
                assertThat(window.size()).isLessThanOrEqualTo((int) GIB);
            }
            byte[] across = Samples.read(memory, GIB / 2 - 4096, 8192);
            assertThat(Arrays.copyOf(across, 4096)).isEqualTo(Samples.page(GIB / 2 / 4096 - 1));
            assertThat(Arrays.copyOfRange(across, 4096, 8192)).isEqualTo(Samples.page(GIB / 2 / 4096));
            assertThat(Samples.read(memory, 3 * GIB + 4096, 4096)).containsOnly(0);
            Samples.assertNone(memory, size);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 8, 4095, 4096, (1 << 20) - 4096})
    void tooSmallForAKernel(int size) {
        assertThat(Samples.unreadable(Samples.write(folder, "small", new byte[size])).detail())
                .contains("less than 1 MiB");
    }

    @Test
    void notWholePages() {
        assertThat(Samples.unreadable(Samples.write(folder, "odd", new byte[(1 << 20) + 1])).detail())
                .contains("whole number");
    }

    /** First bytes in hexadecimal. */
    @ParameterizedTest
    @CsvSource({"514649fb,qcow2", "4c69627669727451656d756453617665,libvirt", "5145564d,migration",
        "5041474544553634,Windows", "504b0304,zip", "1f8b,gzip", "fd377a585a,xz", "28b52ffd,zstd", "425a6839,bzip2"})
    void otherFilesAreNamed(String start, String what) {
        byte[] bytes = new byte[2 << 20];
        for (int i = 0; i < start.length() / 2; i++) {
            bytes[i] = (byte) Integer.parseInt(start.substring(2 * i, 2 * i + 2), 16);
        }
        assertThat(Samples.unreadable(Samples.write(folder, "other", bytes)).getMessage()).contains(what);
    }
}
