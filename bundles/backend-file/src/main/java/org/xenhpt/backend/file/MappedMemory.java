// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.util.List;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;

/** Memory that lies in the image as it was: read where the image is mapped, in windows of up to 512 MiB. */
final class MappedMemory implements PhysicalMemory {
    private static final int STRIDE_BITS = Integer.numberOfTrailingZeros(MappedFile.STRIDE);

    private final MappedFile file;
    private final Extents extents;
    private final List<MemoryRange> ranges;
    /** Windows of each extent, made when they are first asked for. */
    private final MemoryWindow[][] windows;
    private MemoryWindow last = MemoryWindow.NONE;

    MappedMemory(MappedFile file, Extents extents) {
        this.file = file;
        this.extents = extents;
        this.ranges = extents.ranges();
        this.windows = new MemoryWindow[extents.count()][];
    }

    @Override
    public List<MemoryRange> ranges() {
        return ranges;
    }

    @Override
    public boolean live() {
        return false;
    }

    @Override
    public MemoryWindow window(long gpa) {
        long at = gpa - last.gpa();
        if (at >= 0 && at < last.size()) {
            return last;
        }
        int extent = extents.find(gpa);
        if (extent < 0) {
            return MemoryWindow.NONE;
        }
        int number = (int) (gpa - extents.start(extent) >>> STRIDE_BITS);
        MemoryWindow[] ofExtent = windows[extent];
        MemoryWindow window = ofExtent == null ? null : ofExtent[number];
        if (window == null) {
            window = newWindow(extent, number);
        }
        last = window;
        return window;
    }

    private MemoryWindow newWindow(int extent, int number) {
        long start = extents.start(extent);
        long end = extents.end(extent);
        long gpa = start + ((long) number << STRIDE_BITS);
        int size = (int) Math.min(MappedFile.STRIDE, end - gpa);
        MemoryWindow window = new MemoryWindow(gpa, file.slice(extents.offset(extent, gpa), size));
        if (windows[extent] == null) {
            windows[extent] = new MemoryWindow[(int) (end - start + MappedFile.STRIDE - 1 >>> STRIDE_BITS)];
        }
        windows[extent][number] = window;
        return window;
    }

    /** Windows stay good; only the file is looked at. */
    @Override
    public void refresh() {
        file.check();
    }

    @Override
    public long machineAddress(long gpa) {
        MemoryWindow window = window(gpa);
        if (window.size() == 0) {
            return 0;
        }
        ByteBuffer bytes = window.bytes();
        long base = MachineAddress.of(bytes);
        return base == 0 ? 0 : base + (gpa - window.gpa());
    }
}
