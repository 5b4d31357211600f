// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import org.xenhpt.api.guest.MemoryWindow;

/** A range of guest physical memory that lies in one piece where it is read from. */
sealed interface RamStretch {
    /** GPA of the first byte, page-aligned. */
    long gpa();

    /** In bytes, whole pages. */
    long size();

    /** A window that holds the byte at a GPA inside. */
    MemoryWindow window(long gpa);

    /**
     * Copies bytes past all windows.
     *
     * @return how many of them were read before the first that could not
     */
    int read(long gpa, byte[] to, int offset, int length);

    /** RAM that is mapped in this process; {@code at} is where it begins in the file. */
    record Mapped(long gpa, long size, SharedFile file, long at, MemoryWindow[] windows) implements RamStretch {
        Mapped(long gpa, long size, SharedFile file, long at) {
            this(gpa, size, file, at, file.windows(gpa, size, at));
        }

        @Override
        public MemoryWindow window(long address) {
            return windows[SharedFile.windowIndex(at, address - gpa)];
        }

        @Override
        public int read(long address, byte[] to, int offset, int length) {
            return file.read(at + address - gpa, to, offset, length);
        }
    }

    /** RAM that is copied from QEMU; {@code at} is its address there. */
    record Copied(long gpa, long size, ProcessMemory memory, long at) implements RamStretch {
        @Override
        public MemoryWindow window(long address) {
            long page = address & -4096;
            return memory.window(page, at + page - gpa);
        }

        @Override
        public int read(long address, byte[] to, int offset, int length) {
            return memory.read(at + address - gpa, to, offset, length);
        }
    }
}
