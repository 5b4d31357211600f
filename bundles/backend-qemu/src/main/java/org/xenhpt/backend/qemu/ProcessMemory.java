// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import org.xenhpt.api.guest.MemoryWindow;

/**
 * Guest RAM that only QEMU has mapped, read by copies of pages from {@code /proc/PID/mem}. A copy is used until the
 * next {@link #refresh()}; its array is filled anew in the next reading, so that a steady reader allocates nothing.
 */
final class ProcessMemory implements AutoCloseable {
    private static final int PAGE = 4096;
    /** 64 MiB of copies: some ten thousand tasks. */
    static final int MAX_COPIES = 16_384;
    private static final int SLOTS = 4 * MAX_COPIES;
    /** What the kernel copies by one call; it goes page by page in any case. */
    private static final int READ_PART = 1 << 20;

    private final QemuProcess process;
    private final RandomAccessFile memory;
    // A hash table with linear probing, since java.util's allocates for every look-up.
    private final long[] pageOfSlot = new long[SLOTS];
    private Copy[] copies = new Copy[SLOTS];
    private int used;
    private int reading;

    private static final class Copy {
        final byte[] bytes = new byte[PAGE];
        final MemoryWindow window;
        int reading;

        Copy(long gpa) {
            window = new MemoryWindow(gpa, ByteBuffer.wrap(bytes));
        }
    }

    ProcessMemory(QemuProcess process) {
        this.process = process;
        this.memory = process.openMemory();
    }

    /**
     * A copy of a page.
     *
     * @param page GPA of the page
     * @param at   its address in QEMU
     */
    MemoryWindow window(long page, long at) {
        int slot = slot(page);
        Copy copy = copies[slot];
        if (copy == null) {
            if (used == MAX_COPIES) {
                // Forgotten here, the copies given out in this reading stay what they are.
                copies = new Copy[SLOTS];
                used = 0;
                slot = slot(page);
            }
            copy = new Copy(page);
            copy.reading = reading - 1;
            copies[slot] = copy;
            pageOfSlot[slot] = page;
            used++;
        }
        if (copy.reading != reading) {
            if (read(at, copy.bytes, 0, PAGE) != PAGE) {
                return MemoryWindow.NONE;
            }
            copy.reading = reading;
        }
        return copy.window;
    }

    private int slot(long page) {
        int slot = (int) ((page >>> 12) * 0x9e3779b97f4a7c15L >>> 48);
        while (copies[slot] != null && pageOfSlot[slot] != page) {
            slot = slot + 1 & SLOTS - 1;
        }
        return slot;
    }

    /**
     * Copies bytes of QEMU's memory. Returns how many were read before the first that could not.
     *
     * @throws org.xenhpt.api.error.HptException {@code GUEST_GONE}
     */
    int read(long at, byte[] to, int offset, int length) {
        int done = 0;
        try {
            memory.seek(at);
            while (done < length) {
                int part = memory.read(to, offset + done, Math.min(length - done, READ_PART));
                if (part <= 0) {
                    break;
                }
                done += part;
            }
        } catch (IOException e) {
            // EIO: QEMU has nothing there any more, as after memory was unplugged. Told apart from its end below.
            done = Math.max(done, 0);
        }
        if (done < length) {
            process.requireAlive();
        }
        return done;
    }

    void refresh() {
        reading++;
    }

    @Override
    public void close() {
        copies = new Copy[SLOTS];
        used = 0;
        try {
            memory.close();
        } catch (IOException e) {
            // A file that was only read loses nothing.
        }
    }
}
