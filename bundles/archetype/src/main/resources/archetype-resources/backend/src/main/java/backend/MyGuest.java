// SPDX-License-Identifier: Apache-2.0
package ${package}.backend;

import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;

/** A guest whose memory is a file, mapped in windows of at most 1 GiB. */
final class MyGuest implements Guest, PhysicalMemory {
    private static final int PAGE = 4096;
    private static final int WINDOW_SHIFT = 30;

    private final GuestUri uri;
    private final long size;
    private final List<MemoryWindow> windows = new ArrayList<>();

    MyGuest(GuestUri uri, Path file) throws IOException {
        this.uri = uri;
        try (FileChannel from = FileChannel.open(file)) {
            size = from.size();
            // An image is not to be believed: what is no whole number of pages is no image.
            if (size == 0 || size % PAGE != 0) {
                throw new IOException("its size of " + size + " bytes is not that of whole pages");
            }
            for (long gpa = 0; gpa < size; gpa += 1L << WINDOW_SHIFT) {
                // What is mapped stays so when the file is closed.
                MappedByteBuffer bytes = from.map(MapMode.READ_ONLY, gpa, Math.min(size - gpa, 1L << WINDOW_SHIFT));
                windows.add(new MemoryWindow(gpa, bytes));
            }
        }
    }

    @Override
    public GuestInfo info() {
        return new GuestInfo(uri, uri.name(), "raw", GuestState.IMAGE, size, -1);
    }

    @Override
    public PhysicalMemory memory() {
        return this;
    }

    @Override
    public List<MemoryRange> ranges() {
        return List.of(new MemoryRange(0, size));
    }

    @Override
    public boolean live() {
        return false;
    }

    @Override
    public MemoryWindow window(long gpa) {
        return gpa < 0 || gpa >= size ? MemoryWindow.NONE : windows.get((int) (gpa >>> WINDOW_SHIFT));
    }

    @Override
    public void close() {
        windows.clear();
    }
}
