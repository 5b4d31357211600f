// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.guest;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A stretch of guest physical memory that can be read in this process: byte {@code i} of {@link #bytes()} is the byte at
 * GPA {@code gpa() + i}. The buffer is little-endian and read with absolute indices only, so that it may be shared.
 */
public final class MemoryWindow {
    /** Where there is no memory to read. */
    public static final MemoryWindow NONE = new MemoryWindow(0, ByteBuffer.allocate(0));

    private final long gpa;
    private final int size;
    private final ByteBuffer bytes;

    /**
     * @param gpa   GPA of the buffer's first byte, page-aligned
     * @param bytes the memory from index 0 to its limit, whole pages of 4 KiB
     */
    public MemoryWindow(long gpa, ByteBuffer bytes) {
        this.gpa = gpa;
        this.size = bytes.limit();
        this.bytes = bytes.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
        if ((gpa & 0xfff) != 0 || (size & 0xfff) != 0) {
            throw new IllegalArgumentException("a window is of whole pages");
        }
    }

    /** GPA of the first byte. */
    public long gpa() {
        return gpa;
    }

    /** Length in bytes; 0 for {@link #NONE}. */
    public int size() {
        return size;
    }

    public ByteBuffer bytes() {
        return bytes;
    }
}
