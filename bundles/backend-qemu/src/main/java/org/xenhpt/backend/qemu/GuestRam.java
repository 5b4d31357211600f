// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;

/** The RAM of a running guest. Its memory map is that of the moment when the guest was opened. */
final class GuestRam implements PhysicalMemory {
    /** From this length on, bytes are read past the windows. */
    private static final int LONG_READ = 16 << 10;
    private static final Logger LOG = LoggerFactory.getLogger(GuestRam.class);

    private final QemuProcess process;
    private final List<AutoCloseable> sources;
    private final ProcessMemory copies;
    private final RamStretch[] stretches;
    private final long[] starts;
    private final long[] ends;
    private final List<MemoryRange> ranges;

    /**
     * @param stretches sorted, not overlapping
     * @param files     what the mapped ones are mapped from
     * @param copies    what the others are copied from, if there are others
     */
    GuestRam(QemuProcess process, List<RamStretch> stretches, List<SharedFile> files, List<ProcessMemory> copies) {
        this.process = process;
        this.stretches = stretches.toArray(RamStretch[]::new);
        this.starts = stretches.stream().mapToLong(RamStretch::gpa).toArray();
        this.ends = stretches.stream().mapToLong(stretch -> stretch.gpa() + stretch.size()).toArray();
        this.copies = copies.isEmpty() ? null : copies.get(0);
        this.sources = new ArrayList<>(files);
        this.sources.addAll(copies);
        this.ranges = joined(stretches);
    }

    private static List<MemoryRange> joined(List<RamStretch> stretches) {
        List<MemoryRange> ranges = new ArrayList<>();
        for (RamStretch stretch : stretches) {
            int last = ranges.size() - 1;
            if (last >= 0 && ranges.get(last).end() == stretch.gpa()) {
                ranges.set(last, new MemoryRange(ranges.get(last).gpa(), ranges.get(last).size() + stretch.size()));
            } else {
                ranges.add(new MemoryRange(stretch.gpa(), stretch.size()));
            }
        }
        return List.copyOf(ranges);
    }

    @Override
    public List<MemoryRange> ranges() {
        return ranges;
    }

    @Override
    public boolean live() {
        return true;
    }

    @Override
    public MemoryWindow window(long gpa) {
        int index = indexOf(gpa);
        return index < 0 ? MemoryWindow.NONE : stretches[index].window(gpa);
    }

    private int indexOf(long gpa) {
        int low = 0;
        int high = starts.length - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            if (gpa < starts[middle]) {
                high = middle - 1;
            } else if (gpa >= ends[middle]) {
                low = middle + 1;
            } else {
                return middle;
            }
        }
        return -1;
    }

    /** {@inheritDoc} 0 too when the platform's native code cannot be loaded. */
    @Override
    public long machineAddress(long gpa) {
        int index = indexOf(gpa);
        if (index < 0 || !(stretches[index] instanceof RamStretch.Mapped)) {
            return 0;
        }
        MemoryWindow window = stretches[index].window(gpa);
        try {
            return Pointer.nativeValue(Native.getDirectBufferPointer(window.bytes())) + gpa - window.gpa();
        } catch (LinkageError e) {
            LOG.warn("no machine addresses, native code cannot be loaded: {}", e.toString());
            return 0;
        }
    }

    /** @throws org.xenhpt.api.error.HptException {@code GUEST_GONE} when QEMU has ended */
    @Override
    public void refresh() {
        process.requireAlive();
        if (copies != null) {
            copies.refresh();
        }
    }

    @Override
    public int read(long gpa, byte[] to, int offset, int length) {
        if (length < LONG_READ) {
            return PhysicalMemory.super.read(gpa, to, offset, length);
        }
        int done = 0;
        while (done < length) {
            int index = indexOf(gpa + done);
            if (index < 0) {
                break;
            }
            int part = (int) Math.min(length - done, ends[index] - gpa - done);
            int count = stretches[index].read(gpa + done, to, offset + done, part);
            done += count;
            if (count < part) {
                break;
            }
        }
        return done;
    }

    void close() {
        for (AutoCloseable source : sources) {
            try {
                source.close();
            } catch (Exception e) {
                LOG.debug("closing guest RAM: {}", e.toString());
            }
        }
    }
}
