// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.translation;

import org.osgi.annotation.versioning.ProviderType;
import org.xenhpt.api.guest.PhysicalMemory;

/**
 * A guest's virtual memory under one set of page tables. All reads take a GVA, are little-endian, may cross page borders,
 * and throw {@link org.xenhpt.api.error.MemoryFault} where the address leads nowhere. Reading a word allocates nothing.
 * Used by one thread at a time.
 *
 * <p>32-bit guests: a GVA is a {@code long} whose upper half is zero; one with upper bits set is not canonical.
 *
 * <p>Translations are cached. The cache of a live guest holds for one reading, that is until {@link #refresh()}; that of
 * an image, which cannot change, holds for ever.
 */
@ProviderType
public interface AddressSpace {
    /** What {@link #find} gives for an address that leads nowhere. */
    long UNMAPPED = -1;

    PagingMode mode();

    /** The guest physical memory that this leads to. */
    PhysicalMemory memory();

    /** GPA of the top-level page table. */
    long rootGpa();

    /** Size of a pointer in bytes: 4 or 8. */
    int pointerSize();

    /** The GPA that a GVA leads to. */
    long translate(long gva);

    /** The GPA that a GVA leads to, or {@link #UNMAPPED}. */
    long find(long gva);

    /** One byte, 0 to 255. */
    int readByte(long gva);

    /** Two bytes, 0 to 65535. */
    int readShort(long gva);

    int readInt(long gva);

    long readLong(long gva);

    /** A pointer or {@code unsigned long} of the guest's size, zero-extended. */
    long readPointer(long gva);

    /** Copies {@code length} bytes to {@code to}, from index {@code offset}. */
    void read(long gva, byte[] to, int offset, int length);

    /**
     * Begins a new reading: of a live guest, drops cached translations and what the backend has copied.
     *
     * @throws org.xenhpt.api.error.HptException {@code GUEST_GONE} when the guest, or the image's file, is no more
     */
    void refresh();

    /** Where the byte at this GVA is mapped in this process: a machine address, or 0 when it is not. */
    long machineAddress(long gva);
}
