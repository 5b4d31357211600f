// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.nio.ByteBuffer;
import java.util.OptionalLong;
import java.util.function.LongPredicate;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.translation.AddressSpace;

/**
 * A kernel's image where it is mapped, from {@code start} to {@code end}. It is read through the kernel's own page
 * tables: damaged copies of the same bytes that the boot loader left elsewhere in memory are never met.
 */
public final class KernelImage {
    private static final int PAGE = 4096;

    private final PhysicalMemory memory;
    private final AddressSpace space;
    private final long start;
    private final long end;

    /**
     * @param start GVA of the image's first byte
     * @param end   GVA after its last; the image has holes, where its init sections were freed
     */
    public KernelImage(PhysicalMemory memory, AddressSpace space, long start, long end) {
        this.memory = memory;
        this.space = space;
        this.start = start & -PAGE;
        this.end = end;
    }

    public AddressSpace space() {
        return space;
    }

    public long start() {
        return start;
    }

    public long end() {
        return end;
    }

    public boolean contains(long gva) {
        return Long.compareUnsigned(gva, start) >= 0 && Long.compareUnsigned(gva, end) < 0;
    }

    /** Whether {@code length} bytes from a GVA lie in the image. */
    public boolean contains(long gva, long length) {
        return contains(gva) && length >= 0 && Long.compareUnsigned(length, end - gva) <= 0;
    }

    /** Copies bytes of the image; false when some of them are not there. */
    public boolean read(long gva, byte[] to, int length) {
        if (!contains(gva, length)) {
            return false;
        }
        try {
            space.read(gva, to, 0, length);
            return true;
        } catch (MemoryFault gone) {
            return false;
        }
    }

    /**
     * Looks for a word and asks whether it is the one sought.
     *
     * @param from   GVA where to begin; cut to the image
     * @param to     GVA where to end
     * @param align  distance of the places looked at, 4 or 8 bytes
     * @param value  the 4 bytes to find there, compared under {@code mask}
     * @param accept called with the GVA of each place where they are
     * @return the first GVA accepted
     */
    public OptionalLong search(long from, long to, int align, int value, int mask, LongPredicate accept) {
        long last = Long.compareUnsigned(to, end) < 0 ? to : end;
        long gva = Long.compareUnsigned(from, start) > 0 ? from & -align : start;
        while (Long.compareUnsigned(gva, last) < 0) {
            long stop = (gva & -PAGE) + PAGE;
            long gpa = space.find(gva);
            MemoryWindow window = gpa == AddressSpace.UNMAPPED ? MemoryWindow.NONE : memory.window(gpa);
            if (window.size() > 0) {
                ByteBuffer bytes = window.bytes();
                int shift = (int) (gpa - window.gpa());
                int length = (int) Math.min(stop - gva, last - gva);
                for (int i = 0; i + 4 <= length; i += align) {
                    if ((bytes.getInt(shift + i) & mask) == value && accept.test(gva + i)) {
                        return OptionalLong.of(gva + i);
                    }
                }
            }
            gva = stop;
        }
        return OptionalLong.empty();
    }
}
