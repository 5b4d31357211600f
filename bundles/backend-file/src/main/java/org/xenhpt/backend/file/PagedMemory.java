// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.util.List;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;

/**
 * Memory that is fetched page by page. Keeps up to 64 MiB of pages; one that is dropped stays good for whoever still
 * holds its window, because its bytes are never used for another page.
 */
final class PagedMemory implements PhysicalMemory {
    private static final int SET_BITS = 12;
    private static final int WAYS = 4;

    private final ImageBytes image;
    private final PageSource source;
    private final List<MemoryRange> ranges;
    /** Sets of four windows; a page belongs to the set that its frame number hashes to. */
    private final MemoryWindow[] cache = new MemoryWindow[WAYS << SET_BITS];
    private final byte[] victims = new byte[1 << SET_BITS];
    /** For the next page: pages that are not there, of which a filtered image has many, cost no garbage. */
    private byte[] spare = new byte[Extents.PAGE];

    /** @param ranges what the source can give, but for single pages that turn out to be damaged */
    PagedMemory(ImageBytes image, PageSource source, List<MemoryRange> ranges) {
        this.image = image;
        this.source = source;
        this.ranges = ranges;
    }

    @Override
    public List<MemoryRange> ranges() {
        return ranges;
    }

    @Override
    public boolean live() {
        return false;
    }

    /** Windows stay good; only the file is looked at. */
    @Override
    public void refresh() {
        image.check();
    }

    @Override
    public MemoryWindow window(long gpa) {
        if (gpa < 0 || gpa >= Extent.MAX_GPA) {
            return MemoryWindow.NONE;
        }
        long pageGpa = gpa & -Extents.PAGE;
        long gfn = gpa / Extents.PAGE;
        int set = (int) (gfn * 0x9e3779b97f4a7c15L >>> Long.SIZE - SET_BITS);
        int first = set * WAYS;
        for (int i = first; i < first + WAYS; i++) {
            MemoryWindow window = cache[i];
            if (window != null && window.gpa() == pageGpa) {
                return window;
            }
        }
        image.check();
        if (!source.load(gfn, spare)) {
            return MemoryWindow.NONE;
        }
        MemoryWindow window = new MemoryWindow(pageGpa, ByteBuffer.wrap(spare));
        spare = new byte[Extents.PAGE];
        cache[first + (victims[set]++ & WAYS - 1)] = window;
        return window;
    }
}
