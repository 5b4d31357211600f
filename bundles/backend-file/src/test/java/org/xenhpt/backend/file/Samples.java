// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.Deflater;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;

/** What the tests of this bundle share: files, pages that tell their number, and looking at a guest all over. */
final class Samples {
    static final int PAGE = 4096;

    private Samples() {
    }

    static Path write(Path folder, String name, byte[] bytes) {
        try {
            return Files.write(folder.resolve(name), bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Guest open(Path path) {
        return new FileBackend().open(new GuestUri("file", path.toString()));
    }

    /** Opens what cannot be opened. */
    static HptException failure(Path path) {
        HptException e = catchThrowableOfType(HptException.class, () -> open(path).close());
        assertThat(e).as("opening %s", path).isNotNull();
        assertThat(e.getMessage()).contains(path.toAbsolutePath().toString());
        return e;
    }

    static HptException unreadable(Path path) {
        HptException e = failure(path);
        assertThat(e.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
        return e;
    }

    /** A page whose words tell page and place: half of it random, so that it shrinks, but not to nothing. */
    static byte[] page(long number) {
        byte[] page = new byte[PAGE];
        Random random = new Random(number);
        ByteBuffer words = ByteBuffer.wrap(page).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < PAGE; i += 8) {
            words.putLong(i, i % 16 == 0 ? number << 12 | i : random.nextLong());
        }
        return page;
    }

    static byte[] pages(long first, int count) {
        byte[] all = new byte[count * PAGE];
        for (int i = 0; i < count; i++) {
            System.arraycopy(page(first + i), 0, all, i * PAGE, PAGE);
        }
        return all;
    }

    static byte[] read(PhysicalMemory memory, long gpa, int length) {
        byte[] bytes = new byte[length];
        assertThat(memory.read(gpa, bytes, 0, length)).as("bytes readable at GPA 0x%x", gpa).isEqualTo(length);
        return bytes;
    }

    /** The window holds the GPA, is of whole pages, and its content is that of the page of this number. */
    static void assertPage(PhysicalMemory memory, long gpa, long number) {
        MemoryWindow window = memory.window(gpa + 123);
        assertThat(window).as("window at GPA 0x%x", gpa).isNotSameAs(MemoryWindow.NONE);
        assertThat(gpa).isBetween(window.gpa(), window.gpa() + window.size() - PAGE);
        byte[] found = new byte[PAGE];
        window.bytes().get((int) (gpa - window.gpa()), found);
        assertThat(found).as("page at GPA 0x%x", gpa).isEqualTo(page(number));
        assertThat(memory.window(gpa + 4095)).as("the window again").isSameAs(window);
    }

    static void assertNone(PhysicalMemory memory, long gpa) {
        assertThat(memory.window(gpa)).as("window at GPA 0x%x", gpa).isSameAs(MemoryWindow.NONE);
    }

    static byte[] deflate(byte[] bytes) {
        Deflater deflater = new Deflater(Deflater.BEST_SPEED);
        deflater.setInput(bytes);
        deflater.finish();
        byte[] to = new byte[bytes.length + 64];
        int length = deflater.deflate(to);
        deflater.end();
        return Arrays.copyOf(to, length);
    }

    /** Reads here and there whatever the guest claims to have; gives how many pages could be read. */
    static int lookAllOver(Guest guest) {
        guest.info();
        guest.registers().forEach(registers -> assertThat(registers.toString()).isNotEmpty());
        guest.vmcoreinfo().ifPresent(text -> assertThat(text.length()).isLessThanOrEqualTo(1 << 16));
        PhysicalMemory memory = guest.memory();
        assertThat(memory.live()).isFalse();
        assertThat(memory.ranges().size()).isLessThanOrEqualTo(1 << 20);
        int read = 0;
        byte[] page = new byte[PAGE];
        long end = 0;
        for (MemoryRange range : memory.ranges().subList(0, Math.min(100, memory.ranges().size()))) {
            assertThat(range.gpa()).isGreaterThanOrEqualTo(end);
            end = range.end();
            for (long gpa = range.gpa(); gpa < range.end() && gpa < range.gpa() + 64 * PAGE; gpa += PAGE) {
                read += memory.read(gpa, page, 0, PAGE) == PAGE ? 1 : 0;
            }
            read += memory.read(range.end() - PAGE, page, 0, PAGE) == PAGE ? 1 : 0;
        }
        for (long gpa : new long[] {-1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 52, 1L << 63 | 4096, end, 0}) {
            assertThat(memory.window(gpa).size() % PAGE).isZero();
        }
        return read;
    }

    /** Bytes that this thread allocates on the heap in doing something. */
    static long allocatedBy(Runnable action) {
        var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        action.run();
        return threads.getCurrentThreadAllocatedBytes() - before;
    }
}
