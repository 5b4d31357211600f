// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.translation;

import java.nio.ByteBuffer;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;

/**
 * An address space that remembers where pages are mapped in this process, so that reading a word is a look-up and a load.
 *
 * <p>Two direct-mapped tables: one of stretches of 2 MiB, for large pages whose memory lies in one window, which is how
 * kernels map their image and most of the direct map; one of pages of 4 KiB for all others.
 *
 * <p>The entries of an image never get stale. Those of a live guest hold until {@link #refresh()}, which begins a reading.
 */
final class CachedAddressSpace implements AddressSpace {
    private static final int LARGE_SHIFT = 21;
    private static final int SMALL_SHIFT = 12;
    /** 2 GiB of large pages, 16 MiB of small ones. */
    private static final int LARGE_ENTRIES = 1024;
    private static final int SMALL_ENTRIES = 4096;

    /** Where one page, or stretch of a large page, is mapped. */
    private static final class Entry {
        /** GVA of the page; -1, which is no page's address, when the entry is empty. */
        long page = -1;
        /** GVA of the byte at index 0 of the buffer, if the buffer went on so far. */
        long base;
        ByteBuffer bytes;
    }

    private final PhysicalMemory memory;
    private final PagingMode mode;
    private final long rootGpa;
    private final int pointerSize;
    private final PageWalker walker;
    private final Entry[] large = entries(LARGE_ENTRIES);
    private final Entry[] small = entries(SMALL_ENTRIES);

    CachedAddressSpace(PhysicalMemory memory, PagingMode mode, long rootGpa) {
        this.memory = memory;
        this.mode = mode;
        this.rootGpa = rootGpa;
        this.pointerSize = mode.pointerSize();
        this.walker = new PageWalker(memory, PagingFormat.of(mode), rootGpa);
    }

    private static Entry[] entries(int count) {
        Entry[] entries = new Entry[count];
        for (int i = 0; i < count; i++) {
            entries[i] = new Entry();
        }
        return entries;
    }

    @Override
    public PagingMode mode() {
        return mode;
    }

    @Override
    public PhysicalMemory memory() {
        return memory;
    }

    @Override
    public long rootGpa() {
        return rootGpa;
    }

    @Override
    public int pointerSize() {
        return pointerSize;
    }

    @Override
    public long translate(long gva) {
        long gpa = walker.walk(gva);
        if (gpa == UNMAPPED) {
            throw new MemoryFault(walker.fault(), gva);
        }
        return gpa;
    }

    @Override
    public long find(long gva) {
        return walker.walk(gva);
    }

    @Override
    public long machineAddress(long gva) {
        long gpa = find(gva);
        return gpa == UNMAPPED ? 0 : memory.machineAddress(gpa);
    }

    @Override
    public int readByte(long gva) {
        Entry entry = entryFor(gva);
        return entry.bytes.get((int) (gva - entry.base)) & 0xff;
    }

    @Override
    public int readShort(long gva) {
        Entry entry = entryFor(gva);
        if (endsInside(gva, 2)) {
            return entry.bytes.getShort((int) (gva - entry.base)) & 0xffff;
        }
        return (int) readAcross(gva, 2);
    }

    @Override
    public int readInt(long gva) {
        Entry entry = entryFor(gva);
        if (endsInside(gva, 4)) {
            return entry.bytes.getInt((int) (gva - entry.base));
        }
        return (int) readAcross(gva, 4);
    }

    @Override
    public long readLong(long gva) {
        Entry entry = entryFor(gva);
        if (endsInside(gva, 8)) {
            return entry.bytes.getLong((int) (gva - entry.base));
        }
        return readAcross(gva, 8);
    }

    @Override
    public long readPointer(long gva) {
        return pointerSize == 8 ? readLong(gva) : readInt(gva) & 0xffffffffL;
    }

    @Override
    public void read(long gva, byte[] to, int offset, int length) {
        int done = 0;
        while (done < length) {
            long at = gva + done;
            Entry entry = entryFor(at);
            int part = (int) Math.min(length - done, pageSize(entry) - (at - entry.page));
            entry.bytes.get((int) (at - entry.base), to, offset + done, part);
            done += part;
        }
    }

    @Override
    public void refresh() {
        if (memory.live()) {
            forget(large);
            forget(small);
            walker.refresh();
        }
        // An image too may have something to say: that its file was cut off meanwhile.
        memory.refresh();
    }

    private static void forget(Entry[] entries) {
        for (Entry entry : entries) {
            entry.page = -1;
            entry.bytes = null;
        }
    }

    private Entry entryFor(long gva) {
        Entry entry = large[(int) (gva >>> LARGE_SHIFT) & LARGE_ENTRIES - 1];
        if (entry.page == (gva & -(1L << LARGE_SHIFT))) {
            return entry;
        }
        entry = small[(int) (gva >>> SMALL_SHIFT) & SMALL_ENTRIES - 1];
        if (entry.page == (gva & -(1L << SMALL_SHIFT))) {
            return entry;
        }
        return load(gva);
    }

    private Entry load(long gva) {
        long gpa = translate(gva);
        boolean largePage = walker.pageShift() >= LARGE_SHIFT;
        MemoryWindow window = memory.window(gpa);
        if (window.size() == 0) {
            throw new MemoryFault(MemoryFault.Kind.NO_RAM, gpa);
        }
        long stretch = gpa & -(1L << LARGE_SHIFT);
        boolean whole = stretch >= window.gpa() && stretch + (1L << LARGE_SHIFT) <= window.gpa() + window.size();
        if (largePage && whole) {
            return fill(large[(int) (gva >>> LARGE_SHIFT) & LARGE_ENTRIES - 1], LARGE_SHIFT, gva, gpa, window);
        }
        return fill(small[(int) (gva >>> SMALL_SHIFT) & SMALL_ENTRIES - 1], SMALL_SHIFT, gva, gpa, window);
    }

    private static Entry fill(Entry entry, int shift, long gva, long gpa, MemoryWindow window) {
        entry.page = gva & -(1L << shift);
        entry.base = gva - (gpa - window.gpa());
        entry.bytes = window.bytes();
        return entry;
    }

    private long pageSize(Entry entry) {
        return large[(int) (entry.page >>> LARGE_SHIFT) & LARGE_ENTRIES - 1] == entry
                ? 1L << LARGE_SHIFT : 1L << SMALL_SHIFT;
    }

    /** Whether the word ends in the same 4 KiB as it begins: then it also does in the entry's page. */
    private static boolean endsInside(long gva, int size) {
        return (gva & (1 << SMALL_SHIFT) - 1) <= (1 << SMALL_SHIFT) - size;
    }

    private long readAcross(long gva, int size) {
        long value = 0;
        for (int i = 0; i < size; i++) {
            value |= (long) readByte(gva + i) << 8 * i;
        }
        return value;
    }
}
