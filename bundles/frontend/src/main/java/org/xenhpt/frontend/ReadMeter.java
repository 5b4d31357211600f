// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.VcpuRegisters;

/**
 * A guest whose memory notes which of its pages are read. It gives windows of one page, so that none is read unnoticed;
 * only for whoever reads through a large one it gives that. What is read again and again is better read without it.
 */
final class ReadMeter implements Guest {
    private static final int PAGE_SHIFT = 12;
    private static final int PAGE = 1 << PAGE_SHIFT;
    private static final int KEPT = 4096;

    private final Guest guest;
    private final Memory memory;

    ReadMeter(Guest guest) {
        this.guest = guest;
        this.memory = new Memory(guest.memory());
    }

    /** How many bytes of RAM were read, in whole pages; each page counts once. */
    long bytesRead() {
        return (long) memory.read.cardinality() << PAGE_SHIFT;
    }

    /** Bytes of RAM that the guest has. */
    long bytes() {
        return memory.ranges().stream().mapToLong(MemoryRange::size).sum();
    }

    private static final class Memory implements PhysicalMemory {
        private final PhysicalMemory memory;
        private final long[] begins;
        private final long[] ends;
        /** By the page's number among the pages of RAM. */
        private final BitSet read = new BitSet();
        private final MemoryWindow[] kept = new MemoryWindow[KEPT];

        Memory(PhysicalMemory memory) {
            this.memory = memory;
            List<MemoryRange> ranges = memory.ranges();
            begins = ranges.stream().mapToLong(MemoryRange::gpa).toArray();
            ends = ranges.stream().mapToLong(MemoryRange::end).toArray();
        }

        private void note(long gpa, long end) {
            long before = 0;
            for (int i = 0; i < begins.length; i++) {
                long from = Math.max(gpa & -PAGE, begins[i]);
                long to = Math.min(end, ends[i]);
                if (from < to) {
                    read.set((int) (before + from - begins[i] >> PAGE_SHIFT),
                            (int) (before + to - begins[i] + PAGE - 1 >> PAGE_SHIFT));
                }
                before += ends[i] - begins[i];
            }
        }

        @Override
        public List<MemoryRange> ranges() {
            return memory.ranges();
        }

        @Override
        public boolean live() {
            return memory.live();
        }

        @Override
        public MemoryWindow window(long gpa) {
            int slot = (int) (gpa >>> PAGE_SHIFT) & KEPT - 1;
            MemoryWindow page = kept[slot];
            if (page != null && page.gpa() == (gpa & -PAGE)) {
                return page;
            }
            MemoryWindow window = memory.window(gpa);
            if (window.size() == 0) {
                return window;
            }
            note(gpa, gpa + 1);
            long start = gpa & -PAGE;
            page = window.size() == PAGE ? window
                    : new MemoryWindow(start, window.bytes().slice((int) (start - window.gpa()), PAGE));
            kept[slot] = page;
            return page;
        }

        @Override
        public MemoryWindow windowFrom(long gpa) {
            MemoryWindow window = memory.windowFrom(gpa);
            if (window.size() > 0) {
                note(gpa, window.gpa() + window.size());
            }
            return window;
        }

        @Override
        public long machineAddress(long gpa) {
            return memory.machineAddress(gpa);
        }

        @Override
        public void refresh() {
            if (memory.live()) {
                Arrays.fill(kept, null);
            }
            memory.refresh();
        }

        @Override
        public int read(long gpa, byte[] to, int offset, int length) {
            int done = memory.read(gpa, to, offset, length);
            if (done > 0) {
                note(gpa, gpa + done);
            }
            return done;
        }
    }

    @Override
    public GuestInfo info() {
        return guest.info();
    }

    @Override
    public PhysicalMemory memory() {
        return memory;
    }

    @Override
    public List<VcpuRegisters> registers() {
        return guest.registers();
    }

    @Override
    public Optional<VcpuRegisters> registers(int vcpu) {
        return guest.registers(vcpu);
    }

    @Override
    public Optional<String> vmcoreinfo() {
        return guest.vmcoreinfo();
    }

    @Override
    public String stamp() {
        return guest.stamp();
    }

    @Override
    public void close() {
        guest.close();
    }
}
