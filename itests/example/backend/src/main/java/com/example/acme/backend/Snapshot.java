// SPDX-License-Identifier: Apache-2.0
package com.example.acme.backend;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;

/**
 * An appliance's snapshot, which leaves out pages of zeros. All numbers are big-endian:
 * <pre>
 *  0   8 bytes  "ACMESNAP"
 *  8   4 bytes  version, 1
 * 12   4 bytes  N, the number of pages in the file
 * 16   8 bytes  RAM, in bytes, from GPA 0
 * 24   N times 4 bytes: the frame number of each page, ascending
 * then, from the next multiple of 4096 on, the pages
 * </pre>
 *
 * <p>Nothing that the file says is believed: what it has is told by its size.
 */
final class Snapshot implements PhysicalMemory {
    private static final byte[] MAGIC = "ACMESNAP".getBytes(StandardCharsets.US_ASCII);
    private static final int HEADER = 24;
    private static final int PAGE = 4096;
    private static final long MOST_RAM = 1L << 46;
    /** A buffer has less than 2 GiB: pages are mapped 1 GiB at a time. */
    private static final int PAGES_SHIFT = 18;
    private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(PAGE);

    private final long ram;
    private final int[] frames;
    private final List<ByteBuffer> pages = new ArrayList<>();

    private Snapshot(long ram, int[] frames) {
        this.ram = ram;
        this.frames = frames;
    }

    static Snapshot open(Path file) throws IOException {
        try (FileChannel from = FileChannel.open(file)) {
            ByteBuffer header = read(from, 0, HEADER);
            byte[] magic = new byte[MAGIC.length];
            header.get(magic);
            if (!Arrays.equals(magic, MAGIC) || header.getInt() != 1) {
                throw new IOException("not a snapshot of version 1");
            }
            long count = header.getInt() & 0xffffffffL;
            long ram = header.getLong();
            if (ram <= 0 || ram > MOST_RAM || ram % PAGE != 0) {
                throw new IOException("its RAM of " + ram + " bytes is impossible");
            }
            long first = HEADER + 4 * count + PAGE - 1 & -PAGE;
            // Also bounds what is allocated.
            if (count > Integer.MAX_VALUE / 4 || first + count * PAGE > from.size()) {
                throw new IOException("it is cut off: " + count + " pages are not in " + from.size() + " bytes");
            }
            int[] frames = new int[(int) count];
            read(from, HEADER, 4 * frames.length).asIntBuffer().get(frames);
            check(frames, ram / PAGE);
            Snapshot snapshot = new Snapshot(ram, frames);
            for (long page = 0; page < count; page += 1 << PAGES_SHIFT) {
                snapshot.pages.add(from.map(MapMode.READ_ONLY, first + page * PAGE,
                        Math.min(count - page, 1 << PAGES_SHIFT) * PAGE));
            }
            return snapshot;
        }
    }

    private static void check(int[] frames, long end) throws IOException {
        long before = -1;
        for (int frame : frames) {
            if (frame <= before || frame >= end) {
                throw new IOException("frame " + Integer.toUnsignedString(frame) + " is out of order, or not in its RAM");
            }
            before = frame;
        }
    }

    private static ByteBuffer read(FileChannel from, long at, int length) throws IOException {
        if (at + length > from.size()) {
            throw new IOException("it is cut off");
        }
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining() && from.read(bytes, at + bytes.position()) >= 0) {
            continue;
        }
        return bytes.flip();
    }

    @Override
    public List<MemoryRange> ranges() {
        return List.of(new MemoryRange(0, ram));
    }

    @Override
    public boolean live() {
        return false;
    }

    @Override
    public MemoryWindow window(long gpa) {
        if (gpa < 0 || gpa >= ram) {
            return MemoryWindow.NONE;
        }
        long frame = gpa / PAGE;
        int page = frame > Integer.MAX_VALUE ? -1 : Arrays.binarySearch(frames, (int) frame);
        if (page < 0) {
            return new MemoryWindow(frame * PAGE, ZEROS);
        }
        int inBuffer = page & (1 << PAGES_SHIFT) - 1;
        return new MemoryWindow(frame * PAGE, pages.get(page >> PAGES_SHIFT).slice(inBuffer * PAGE, PAGE));
    }
}
