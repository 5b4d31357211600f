// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.testkit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntConsumer;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;

/**
 * Guest physical memory made of pages of 4 KiB that come to be when they are written. What was never written reads as
 * zeros inside {@link #ranges()} and is no memory outside.
 */
public final class FakeMemory implements PhysicalMemory {
    private static final int PAGE = 4096;

    private final List<MemoryRange> ranges;
    private final Map<Long, ByteBuffer> pages = new TreeMap<>();
    private final boolean live;
    private int refreshes;
    private IntConsumer whenRefreshed = number -> { };

    /** Memory from GPA 0, of {@code size} bytes, that does not change by itself. */
    public FakeMemory(long size) {
        this(false, new MemoryRange(0, size));
    }

    public FakeMemory(boolean live, MemoryRange... ranges) {
        this.live = live;
        this.ranges = List.of(ranges);
    }

    @Override
    public List<MemoryRange> ranges() {
        return ranges;
    }

    @Override
    public boolean live() {
        return live;
    }

    @Override
    public MemoryWindow window(long gpa) {
        if (ranges.stream().noneMatch(range -> range.contains(gpa))) {
            return MemoryWindow.NONE;
        }
        return new MemoryWindow(gpa & -PAGE, page(gpa));
    }

    @Override
    public void refresh() {
        refreshes++;
        whenRefreshed.accept(refreshes);
    }

    /** Lets the guest change between readings: called with the number of each reading that begins, from 1. */
    public void whenRefreshed(IntConsumer change) {
        whenRefreshed = change;
    }

    /** How often a new reading began. */
    public int refreshes() {
        return refreshes;
    }

    public FakeMemory putByte(long gpa, int value) {
        page(gpa).put((int) (gpa & PAGE - 1), (byte) value);
        return this;
    }

    public FakeMemory putShort(long gpa, int value) {
        return putByte(gpa, value).putByte(gpa + 1, value >> 8);
    }

    public FakeMemory putInt(long gpa, int value) {
        return putShort(gpa, value).putShort(gpa + 2, value >> 16);
    }

    public FakeMemory putLong(long gpa, long value) {
        return putInt(gpa, (int) value).putInt(gpa + 4, (int) (value >>> 32));
    }

    public FakeMemory putBytes(long gpa, byte... bytes) {
        for (int i = 0; i < bytes.length; i++) {
            putByte(gpa + i, bytes[i]);
        }
        return this;
    }

    /** The text in UTF-8, and a NUL. */
    public FakeMemory putString(long gpa, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return putBytes(gpa, bytes).putByte(gpa + bytes.length, 0);
    }

    /** Writes a raw image: the byte at offset N is that at GPA N. What was never written is a hole of the file. */
    public void writeTo(Path file) throws IOException {
        try (FileChannel to = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE,
                StandardOpenOption.TRUNCATE_EXISTING, StandardOpenOption.SPARSE)) {
            for (Map.Entry<Long, ByteBuffer> page : pages.entrySet()) {
                to.write(page.getValue().duplicate().clear(), page.getKey());
            }
            long end = ranges.get(ranges.size() - 1).end();
            if (to.size() < end) {
                to.write(ByteBuffer.allocate(1), end - 1);
            }
        }
    }

    public long getLong(long gpa) {
        byte[] bytes = new byte[8];
        read(gpa, bytes, 0, 8);
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }

    private ByteBuffer page(long gpa) {
        return pages.computeIfAbsent(gpa & -PAGE,
                number -> ByteBuffer.allocateDirect(PAGE).order(ByteOrder.LITTLE_ENDIAN));
    }
}
