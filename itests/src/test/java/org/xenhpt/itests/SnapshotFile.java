// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.PhysicalMemory;

/** Writes memory in the format of the vendor in {@code itests/example}, as {@code Snapshot} there describes it. */
final class SnapshotFile {
    private static final int PAGE = 4096;
    private static final int HEADER = 24;

    private SnapshotFile() {
    }

    static void write(Path file, PhysicalMemory memory) throws IOException {
        MemoryRange ram = memory.ranges().get(0);
        byte[] page = new byte[PAGE];
        List<Integer> frames = new ArrayList<>();
        for (int frame = 0; frame < ram.size() / PAGE; frame++) {
            memory.read((long) frame * PAGE, page, 0, PAGE);
            if (!isZero(page)) {
                frames.add(frame);
            }
        }
        ByteBuffer head = ByteBuffer.allocate((HEADER + 4 * frames.size() + PAGE - 1) / PAGE * PAGE);
        head.put("ACMESNAP".getBytes()).putInt(1).putInt(frames.size()).putLong(ram.size());
        frames.forEach(head::putInt);
        try (FileChannel to = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            to.write(head.rewind());
            for (int frame : frames) {
                memory.read((long) frame * PAGE, page, 0, PAGE);
                to.write(ByteBuffer.wrap(page));
            }
        }
    }

    private static boolean isZero(byte[] page) {
        for (byte b : page) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }
}
