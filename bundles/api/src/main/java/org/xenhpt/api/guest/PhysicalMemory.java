// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.guest;

import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * The guest's physical memory, read where it is mapped. A backend implements {@link #ranges()}, {@link #live()} and
 * {@link #window(long)}; the rest has sensible defaults.
 */
@ConsumerType
public interface PhysicalMemory {
    /** The guest's RAM as ranges of GPA: sorted, not overlapping, whole pages of 4 KiB. */
    List<MemoryRange> ranges();

    /** Whether the memory can change while it is read: true for a running guest, false for an image. */
    boolean live();

    /**
     * A window that holds the byte at the given GPA and, where it costs nothing, as much around it as possible (at most
     * 1 GiB). It may be used until the guest is closed; of a live guest, only until the next {@link #refresh()}.
     *
     * @return {@link MemoryWindow#NONE} where there is no RAM, the page is not in the image or cannot be mapped
     * @throws org.xenhpt.api.error.HptException {@code GUEST_GONE} when the guest is no more
     */
    MemoryWindow window(long gpa);

    /**
     * As {@link #window}, for whoever is going to read through all of the window from there on. It makes a difference to
     * who counts what is read.
     */
    default MemoryWindow windowFrom(long gpa) {
        return window(gpa);
    }

    /**
     * Where the byte at this GPA is mapped in this process.
     *
     * @return a machine address, or 0 when the page is not mapped here (read by copy, or decompressed)
     */
    default long machineAddress(long gpa) {
        return 0;
    }

    /**
     * Begins a new reading: a backend that copies pages of a live guest forgets its copies, one that keeps a bounded
     * number of mappings may unmap, and windows given out before are void. Those of an image stay.
     *
     * @throws org.xenhpt.api.error.HptException {@code GUEST_GONE} when the guest, or the image's file, is no more
     */
    default void refresh() {
    }

    /**
     * Copies guest physical memory.
     *
     * @param gpa    GPA of the first byte
     * @param to     where to, from index {@code offset}
     * @param length in bytes
     * @return how many bytes could be read before the first that could not
     */
    default int read(long gpa, byte[] to, int offset, int length) {
        int done = 0;
        while (done < length) {
            MemoryWindow window = window(gpa + done);
            if (window.size() == 0) {
                break;
            }
            int at = (int) (gpa + done - window.gpa());
            int part = Math.min(length - done, window.size() - at);
            window.bytes().get(at, to, offset + done, part);
            done += part;
        }
        return done;
    }
}
