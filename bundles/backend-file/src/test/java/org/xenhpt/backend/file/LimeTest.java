// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.PhysicalMemory;

class LimeTest {
    private static final int PAGE = Samples.PAGE;

    @TempDir
    private Path folder;

    static byte[] range(long gpa, byte[] content) {
        ByteBuffer bytes = ByteBuffer.allocate(32 + content.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(0x4c694d45).putInt(1).putLong(gpa).putLong(gpa + content.length - 1).position(32);
        return bytes.put(content).array();
    }

    private Guest open(byte[]... ranges) {
        return Samples.open(Samples.write(folder, "lime", ElfImage.join(ranges)));
    }

    @Test
    void rangesLieWhereTheirHeadersSay() {
        byte[] cut = Arrays.copyOf(Samples.pages(1, 4), 3 * PAGE + 0xc00);
        try (Guest guest = open(range(PAGE, cut), range(0x100000, Samples.pages(0x100, 2)),
                range(0x1_0000_0000L, Samples.pages(7, 1)))) {
            PhysicalMemory memory = guest.memory();
            assertThat(guest.info().type()).isEqualTo("LiME");
            assertThat(guest.info().memoryBytes()).isEqualTo(6 * PAGE);
            assertThat(memory.ranges()).containsExactly(new MemoryRange(PAGE, 3 * PAGE),
                    new MemoryRange(0x100000, 2 * PAGE), new MemoryRange(0x1_0000_0000L, PAGE));
            Samples.assertNone(memory, 0);
            Samples.assertPage(memory, PAGE, 1);
            Samples.assertPage(memory, 3 * PAGE, 3);
            Samples.assertNone(memory, 4 * PAGE);
            Samples.assertPage(memory, 0x101000, 0x101);
            Samples.assertPage(memory, 0x1_0000_0000L, 7);
        }
    }

    @Test
    void rangesMayComeInAnyOrderAndOverlap() {
        try (Guest guest = open(range(4 * PAGE, Samples.pages(4, 4)), range(0, Samples.pages(0, 6)))) {
            assertThat(guest.memory().ranges()).containsExactly(new MemoryRange(0, 8 * PAGE));
            for (int page = 0; page < 8; page++) {
                Samples.assertPage(guest.memory(), page * PAGE, page);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"0,0x12345678,no header", "4,2,no header", "8,-1,damaged", "16,-1,damaged",
        "16,0x7fffffffffffffff,damaged", "16,0xfffffffffffff,truncated", "16,0,damaged", "8,0x1000000,damaged"})
    void lyingHeaders(int at, String value, String message) {
        byte[] image = ElfImage.join(range(0x100000, Samples.pages(0, 2)), range(0x200000, Samples.pages(0, 2)));
        ByteBuffer second = ByteBuffer.wrap(image, 32 + 2 * PAGE, 32).slice().order(ByteOrder.LITTLE_ENDIAN);
        if (at < 8) {
            second.putInt(at, Long.decode(value).intValue());
        } else {
            second.putLong(at, Long.decode(value));
        }
        assertThat(Samples.unreadable(Samples.write(folder, "lime", image)).getMessage())
                .contains(message, "LiME range 1");
    }

    @Test
    void anImageWithoutAWholePage() {
        assertThat(Samples.unreadable(Samples.write(folder, "lime", range(1, new byte[PAGE]))).detail())
                .contains("without a single whole page");
    }
}
