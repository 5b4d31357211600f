// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

/**
 * Memory that lies in the image as it was in the guest. Sorted by GPA, and where that is the same the longest first.
 *
 * @param gpa  GPA of the first byte
 * @param at   its offset in the image
 * @param size in bytes
 */
record Extent(long gpa, long at, long size) implements Comparable<Extent> {
    /** x86 has no wider physical addresses (Intel SDM volume 3A, section 4.1.4). */
    static final long MAX_GPA = 1L << 52;

    /** Whether the GPAs are ones that an x86 machine can have. */
    static boolean isMemory(long gpa, long size) {
        return gpa >= 0 && gpa < MAX_GPA && size >= 0 && size <= MAX_GPA - gpa;
    }

    @Override
    public int compareTo(Extent other) {
        int order = Long.compare(gpa, other.gpa);
        return order != 0 ? order : Long.compare(other.size, size);
    }

    long end() {
        return gpa + size;
    }
}
