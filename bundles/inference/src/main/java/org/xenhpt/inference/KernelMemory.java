// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.kernel.KernelVersion;
import org.xenhpt.api.translation.AddressSpace;

/**
 * The kernel's memory, read to look for structure in it: an address that leads nowhere is an answer here, not a
 * failure. It reads as 0, which is no structure's address.
 */
final class KernelMemory {
    /** Hundreds of times what a guest of a thousand processes takes. */
    private static final long MOST_READS = 50_000_000;

    private final AddressSpace space;
    private final KernelIdentity kernel;
    private final int pointerSize;
    private long reads;

    KernelMemory(AddressSpace space, KernelIdentity kernel) {
        this.space = space;
        this.kernel = kernel;
        this.pointerSize = space.pointerSize();
    }

    KernelIdentity kernel() {
        return kernel;
    }

    /** Whether the kernel is older than this version. */
    boolean before(int major, int minor, int patch) {
        return kernel.version().compareTo(new KernelVersion(major, minor, patch)) < 0;
    }

    int pointerSize() {
        return pointerSize;
    }

    /** Whether a GVA is one of the kernel image's. */
    boolean inImage(long gva) {
        return Long.compareUnsigned(gva, kernel.imageStart()) >= 0 && Long.compareUnsigned(gva, kernel.imageEnd()) < 0;
    }

    /** Whether a GVA can be the address of a structure: mapped, and aligned as pointers are. */
    boolean leadsSomewhere(long gva) {
        return gva != 0 && (gva & pointerSize - 1) == 0 && space.find(gva) != AddressSpace.UNMAPPED;
    }

    /**
     * All walks together are bounded by what is read on them: a guest that makes lists for the purpose could have each
     * of many be as long as its memory allows.
     */
    private void count() {
        if (++reads > MOST_READS) {
            throw new HptException(Step.PROFILE, Reason.INCONSISTENT, kernel.release(), "after " + MOST_READS
                    + " words read, the structures in the kernel's memory still contradict each other")
                    .next("make a profile from this build's files with: hpt profile make");
        }
    }

    /** A pointer or {@code unsigned long}. */
    long pointer(long gva) {
        count();
        try {
            return space.find(gva) == AddressSpace.UNMAPPED ? 0 : space.readPointer(gva);
        } catch (MemoryFault gone) {
            return 0;
        }
    }

    int int32(long gva) {
        count();
        try {
            return space.find(gva) == AddressSpace.UNMAPPED ? 0 : space.readInt(gva);
        } catch (MemoryFault gone) {
            return 0;
        }
    }

    /**
     * Copies what there is of {@code length} bytes.
     *
     * @return a snapshot of the bytes before the first page that cannot be read
     */
    Snapshot snapshot(long gva, int length) {
        count();
        byte[] bytes = new byte[length];
        return new Snapshot(gva, bytes, copy(gva, bytes), pointerSize);
    }

    /** Fills the array from a GVA on; returns how many bytes could be read before the first that could not. */
    int copy(long gva, byte[] to) {
        int done = 0;
        while (done < to.length) {
            int part = (int) Math.min(to.length - done, 4096 - (gva + done & 4095));
            if (space.find(gva + done) == AddressSpace.UNMAPPED) {
                break;
            }
            try {
                space.read(gva + done, to, done, part);
            } catch (MemoryFault gone) {
                break;
            }
            done += part;
        }
        return done;
    }

    /** The difference of two GVAs, as the guest's pointers have it. */
    long distance(long from, long to) {
        return pointerSize == 4 ? (int) (to - from) : to - from;
    }

    /** Begins a new reading of a live guest. */
    void refresh() {
        space.refresh();
    }

    /** Bytes of RAM that the guest has. */
    long ram() {
        return space.memory().ranges().stream().mapToLong(range -> range.size()).sum();
    }

    /** How many words were read. */
    long reads() {
        return reads;
    }

    boolean live() {
        return space.memory().live();
    }
}
