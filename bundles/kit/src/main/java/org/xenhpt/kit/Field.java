// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit;

import org.xenhpt.api.translation.AddressSpace;

/**
 * A member of a structure, resolved once: reading it is an addition and a load.
 *
 * @param offset from the structure's start, in bytes
 * @param size   in bytes
 */
public record Field(int offset, int size) {

    /** GVA of the member in the structure at {@code base}. */
    public long address(long base) {
        return base + offset;
    }

    /** A pointer or {@code unsigned long} of the guest's size, zero-extended. */
    public long pointer(AddressSpace space, long base) {
        return space.readPointer(base + offset);
    }

    /** An {@code int}, or the lowest four bytes of something longer. */
    public int signed(AddressSpace space, long base) {
        return space.readInt(base + offset);
    }

    /** An unsigned number of 1, 2, 4 or 8 bytes; one of 8 keeps its bits. */
    public long unsigned(AddressSpace space, long base) {
        return switch (size) {
            case 1 -> space.readByte(base + offset);
            case 2 -> space.readShort(base + offset);
            case 4 -> space.readInt(base + offset) & 0xffffffffL;
            default -> space.readLong(base + offset);
        };
    }
}
