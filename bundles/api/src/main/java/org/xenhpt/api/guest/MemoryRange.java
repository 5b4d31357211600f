// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.guest;

/**
 * A range of guest physical addresses.
 *
 * @param gpa  GPA of the first byte
 * @param size in bytes, greater than 0
 */
public record MemoryRange(long gpa, long size) implements Comparable<MemoryRange> {
    public MemoryRange {
        if (gpa < 0 || size <= 0 || gpa + size < 0) {
            throw new IllegalArgumentException("not a range of GPAs: " + gpa + "+" + size);
        }
    }

    /** GPA after the last byte. */
    public long end() {
        return gpa + size;
    }

    public boolean contains(long address) {
        return address >= gpa && address < end();
    }

    @Override
    public int compareTo(MemoryRange other) {
        return Long.compare(gpa, other.gpa);
    }
}
