// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.PagingMode;

/**
 * Goes through the guest's physical memory once and notes what may belong to a running kernel. It looks at two places
 * of each page: its first bytes (VMCOREINFO's page and note begin so) and its last entry (a top-level table's leads to
 * the kernel image). What it finds is claims, to be checked by {@link KernelCheck}.
 */
final class MemorySearch {
    /** A text that says to be VMCOREINFO. */
    record VmcoreinfoCopy(long gpa, Vmcoreinfo vmcoreinfo) {
    }

    /** A page of a kernel image that could be the kernel's own top-level table. */
    record TableCopy(PagingMode mode, long root, ImageMapping mapping) {
    }

    static final String WHAT = "searching guest memory";

    /** "OSRELEAS" as a little-endian word. */
    private static final long OSRELEASE = word("OSRELEAS");
    private static final long LINUX_VERSION = word("Linux ve");
    /** The ELF note's name and its length with the NUL. */
    private static final byte[] NOTE_NAME = "VMCOREINFO\0".getBytes(StandardCharsets.US_ASCII);
    private static final int NOTE_HEADER = 24;
    private static final int PAGE = 4096;
    private static final long REPORT_EVERY = 32L << 20;
    /**
     * Live memory whose windows are smaller than this is mapped or copied in parts: looking through windows would leave
     * all of the guest mapped.
     */
    private static final int LARGE_WINDOW = 4 << 20;
    private static final int COPIED_AT_ONCE = 1 << 20;
    /** A hostile guest may hold as many copies as it has pages; each costs some microseconds to check. */
    private static final int MAX_COPIES = 2048;
    /** A kernel has two or three; each may cost a search of the image it maps. */
    private static final int MAX_TABLES = 16;
    private static final int MAX_BANNERS = 16;
    /** Directories looked at in full; a guest has a handful. */
    private static final int MAX_DIRECTORIES = 4096;

    private final PhysicalMemory memory;
    private final Ram ram;
    private final Progress progress;

    private final Map<String, VmcoreinfoCopy> copies = new LinkedHashMap<>();
    private final List<TableCopy> tables = new ArrayList<>();
    /** What the entries met at a page's end lead to: kernels share one among all processes. */
    private final Map<Long, Optional<ImageMapping>> byEntry4 = new HashMap<>();
    private final Map<Long, Optional<ImageMapping>> byEntry5 = new HashMap<>();
    private final Map<String, Long> banners = new LinkedHashMap<>();
    private long readable;
    private boolean notEmpty;

    MemorySearch(PhysicalMemory memory, Ram ram, Progress progress) {
        this.memory = memory;
        this.ram = ram;
        this.progress = progress;
    }

    private static long word(String eight) {
        return ByteBuffer.wrap(eight.getBytes(StandardCharsets.US_ASCII)).order(ByteOrder.LITTLE_ENDIAN)
                .getLong();
    }

    List<VmcoreinfoCopy> copies() {
        return List.copyOf(copies.values());
    }

    List<TableCopy> tables() {
        return tables;
    }

    /** Texts in memory that begin as {@code linux_banner}, with the GPA where each was met first. */
    Map<String, Long> banners() {
        return banners;
    }

    /** How many bytes of RAM could be read. */
    long readable() {
        return readable;
    }

    /** Whether {@link #everything()} met a byte that is not zero. */
    boolean notEmpty() {
        return notEmpty;
    }

    /** The one pass that is always made. */
    void pages() {
        readable = 0;
        forEachStretch(WHAT, (window, from, to) -> {
            pages(window, from, to);
            readable += to - from;
        });
    }

    /** Takes a stretch of memory that lies in a window. */
    private interface Stretch {
        void take(MemoryWindow window, long from, long to);
    }

    private void forEachStretch(String what, Stretch stretch) {
        long total = ram.size();
        long done = 0;
        for (MemoryRange range : memory.ranges()) {
            if (memory.live() && memory.windowFrom(range.gpa()).size() < Math.min(range.size(), LARGE_WINDOW)) {
                forEachCopy(what, range, done, total, stretch);
            } else {
                forEachWindow(what, range, done, total, stretch);
            }
            done += range.size();
        }
        progress.report(what, total, total);
    }

    private void forEachWindow(String what, MemoryRange range, long done, long total, Stretch stretch) {
        long gpa = range.gpa();
        while (gpa < range.end()) {
            long inRange = gpa - range.gpa();
            if (inRange % REPORT_EVERY == 0) {
                progress.report(what, done + inRange, total);
            }
            MemoryWindow window = memory.windowFrom(gpa);
            if (window.size() == 0) {
                gpa += PAGE;
                continue;
            }
            long report = range.gpa() + inRange - inRange % REPORT_EVERY + REPORT_EVERY;
            long stop = Math.min(Math.min(range.end(), window.gpa() + window.size()), report);
            stretch.take(window, gpa, stop);
            gpa = stop;
        }
    }

    private void forEachCopy(String what, MemoryRange range, long done, long total, Stretch stretch) {
        byte[] copy = new byte[COPIED_AT_ONCE];
        long gpa = range.gpa();
        long report = gpa;
        while (gpa < range.end()) {
            if (gpa >= report) {
                progress.report(what, done + gpa - range.gpa(), total);
                report = gpa + REPORT_EVERY;
            }
            // Up to a multiple of its size, so that a backend that maps aligned runs maps each of them once.
            int length = (int) Math.min(COPIED_AT_ONCE - (gpa & COPIED_AT_ONCE - 1), range.end() - gpa);
            int got = memory.read(gpa, copy, 0, length) & -PAGE;
            if (got > 0) {
                stretch.take(new MemoryWindow(gpa, ByteBuffer.wrap(copy, 0, got)), gpa, gpa + got);
            }
            gpa += got < length ? got + PAGE : got;
        }
    }

    private void pages(MemoryWindow window, long from, long to) {
        ByteBuffer bytes = window.bytes();
        for (long gpa = from; gpa < to; gpa += PAGE) {
            int at = (int) (gpa - window.gpa());
            long first = bytes.getLong(at);
            if (first == OSRELEASE) {
                addCopy(gpa);
            } else if ((int) first == NOTE_NAME.length && isNote(bytes, at)) {
                addCopy(gpa + NOTE_HEADER);
            }
            long last = bytes.getLong(at + PAGE - 8);
            // Most pages end in something that is no table entry: look no further.
            if ((last & 0x83) == 3 && ImageMapping.leadsOn(ram, last)) {
                addTable(gpa, last);
            }
        }
    }

    private static boolean isNote(ByteBuffer bytes, int at) {
        for (int i = 0; i < NOTE_NAME.length; i++) {
            if (bytes.get(at + 12 + i) != NOTE_NAME[i]) {
                return false;
            }
        }
        return true;
    }

    private void addCopy(long gpa) {
        byte[] text = new byte[Vmcoreinfo.MAX_BYTES];
        int length = memory.read(gpa, text, 0, text.length);
        Optional<Vmcoreinfo> parsed = Vmcoreinfo.parse(text, length);
        if (parsed.isPresent() && copies.size() < MAX_COPIES) {
            copies.putIfAbsent(parsed.get().toString(), new VmcoreinfoCopy(gpa, parsed.get()));
        }
    }

    private void addTable(long gpa, long last) {
        long next = ImageMapping.address(last);
        if (byEntry4.size() >= MAX_DIRECTORIES && !byEntry4.containsKey(next)) {
            return;
        }
        Optional<ImageMapping> as4 = byEntry4.computeIfAbsent(next, n -> ImageMapping.ofLevel4(ram, gpa));
        Optional<ImageMapping> as5 = byEntry5.computeIfAbsent(next, n -> ImageMapping.ofLevel5(ram, gpa));
        if (as4.isPresent()) {
            addTable(PagingMode.LEVEL_4, gpa, as4.get());
        }
        if (as5.isPresent()) {
            addTable(PagingMode.LEVEL_5, gpa, as5.get());
        }
    }

    /** Each process's table maps the kernel too; the kernel's own is a page of its image. */
    private void addTable(PagingMode mode, long gpa, ImageMapping mapping) {
        if (mapping.holds(gpa) && tables.size() < MAX_TABLES) {
            tables.add(new TableCopy(mode, gpa, mapping));
        }
    }

    /**
     * The last resort: reads all memory for texts that need not begin a page, as VMCOREINFO did before 4.13
     * (203e9e41219b moved it out of .bss), and for banners, to say what was seen.
     */
    void everything() {
        forEachStretch("searching all guest memory for texts", this::everything);
    }

    /** Both texts stand in arrays that compilers align to at least 4 bytes. */
    private void everything(MemoryWindow window, long from, long to) {
        ByteBuffer bytes = window.bytes();
        int end = (int) (to - window.gpa());
        int osrelease = (int) OSRELEASE;
        int linux = (int) LINUX_VERSION;
        int any = 0;
        for (int at = (int) (from - window.gpa()); at <= end - 8; at += 4) {
            int four = bytes.getInt(at);
            any |= four;
            if (four == osrelease && bytes.getLong(at) == OSRELEASE) {
                addCopy(window.gpa() + at);
            } else if (four == linux && bytes.getLong(at) == LINUX_VERSION) {
                addBanner(window.gpa() + at);
            }
        }
        notEmpty |= any != 0;
    }

    private void addBanner(long gpa) {
        byte[] text = new byte[Banner.MAX_BYTES];
        int length = memory.read(gpa, text, 0, text.length);
        if (banners.size() < MAX_BANNERS) {
            Banner.parse(text, length).ifPresent(banner -> banners.putIfAbsent(banner.text(), gpa));
        }
    }
}
