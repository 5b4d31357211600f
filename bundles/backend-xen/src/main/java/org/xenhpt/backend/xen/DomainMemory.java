// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;

/**
 * The memory of a running domain, mapped in runs of 2 MiB as it is needed. Mappings are given back in
 * {@link #refresh()} only, unless the domain is gone; a reading that touches more than is kept has all of it mapped
 * until the next one.
 */
final class DomainMemory implements PhysicalMemory {
    /**
     * What a mapping shows is the page that the frame had then. Balloon drivers take and give pages, so it is not kept
     * for long.
     */
    static final int REMAP_SECONDS = 5;
    /** What is kept mapped from one reading to the next. */
    static final int KEPT_MIB = 1024;

    static final int PAGE = 4096;
    static final int RUN_PAGES = 512;
    private static final int RUN_SHIFT = 21;
    private static final int KEPT_PAGES = KEPT_MIB << 20 - 12;
    /** From this length on, bytes are read by a mapping that is not kept. */
    private static final int LONG_READ = 16 << 10;
    /** A call that fails as a whole is tried again in halves down to this. */
    private static final int LEAST_PAGES = 16;
    private static final long REMAP_NANOS = REMAP_SECONDS * 1_000_000_000L;
    /** A frame that was not there is tried again after this. */
    private static final long RETRY_NANOS = 1_000_000_000L;
    /** The runs of 1 GiB: the table of runs is made as it is needed, as guests may have terabytes. */
    private static final int PIECE = 512;

    private static final Stretch NOTHING = new Stretch(MemoryWindow.NONE, 0);

    private final String subject;
    private final ForeignMemory foreign;
    private final BooleanSupplier alive;
    private final LongSupplier clock;
    private final List<MemoryRange> ranges;
    private final long end;
    private final Run[][] pieces;
    private final List<Run> runs = new ArrayList<>();
    /** The run in which a long read met a hole; for long reads alone. */
    private Run scanned = NO_RUN;
    private long mappedPages;
    private long reading;
    private int refused;
    private boolean gone;
    /** Why it may not be read for now; empty when it may. */
    private String suspended = "";
    private boolean closed;

    private static final Run NO_RUN = new Run(-1, 0);

    /** Neighbouring pages, all mapped. */
    private record Stretch(MemoryWindow window, long address) {
    }

    private static final class Run {
        final long number;
        final long mappedAt;
        final List<ForeignMemory.Mapping> mappings = new ArrayList<>(1);
        /** One for all of it, or one for each page; none when nothing could be mapped. */
        Stretch[] stretches = {};
        int pages;
        boolean holes;
        long lastReading;

        Run(long number, long mappedAt) {
            this.number = number;
            this.mappedAt = mappedAt;
        }

        Stretch at(long gpa) {
            return switch (stretches.length) {
                case 0 -> NOTHING;
                case 1 -> stretches[0];
                default -> stretches[(int) (gpa >>> 12) & RUN_PAGES - 1];
            };
        }
    }

    /**
     * @param subject what errors name
     * @param ranges  where there may be RAM: sorted, not overlapping, whole pages
     * @param alive   whether the domain still exists
     * @param clock   in nanoseconds
     */
    DomainMemory(String subject, ForeignMemory foreign, List<MemoryRange> ranges, BooleanSupplier alive,
            LongSupplier clock) {
        this.subject = subject;
        this.foreign = foreign;
        this.ranges = List.copyOf(ranges);
        this.alive = alive;
        this.clock = clock;
        this.end = ranges.isEmpty() ? 0 : ranges.get(ranges.size() - 1).end();
        this.pieces = new Run[(int) ((end + (1L << 30) - 1) >>> 30)][];
    }

    /** Where the guest may have RAM. Frames in it that are not populated are found out when they are read. */
    @Override
    public List<MemoryRange> ranges() {
        return ranges;
    }

    @Override
    public boolean live() {
        return true;
    }

    @Override
    public synchronized MemoryWindow window(long gpa) {
        return stretch(gpa).window;
    }

    @Override
    public synchronized long machineAddress(long gpa) {
        Stretch stretch = stretch(gpa);
        return stretch.address == 0 ? 0 : stretch.address + gpa - stretch.window.gpa();
    }

    private Stretch stretch(long gpa) {
        requireThere();
        if (gpa < 0 || gpa >= end || closed) {
            return NOTHING;
        }
        Run run = mapped(gpa);
        if (run == null) {
            run = map(gpa >>> RUN_SHIFT);
        }
        run.lastReading = reading;
        return run.at(gpa);
    }

    private Run mapped(long gpa) {
        Run[] piece = pieces[(int) (gpa >>> 30)];
        return piece == null ? null : piece[(int) (gpa >>> RUN_SHIFT) & PIECE - 1];
    }

    /** One that nothing knows of yet. */
    private Run newRun(long number) {
        Run run = new Run(number, clock.getAsLong());
        long[] gfns = gfns(number << RUN_SHIFT - 12, (number + 1) << RUN_SHIFT - 12);
        refused = 0;
        map(run, gfns);
        if (run.pages == 0 && refused == Errno.ESRCH && !alive.getAsBoolean()) {
            vanish();
            requireThere();
        }
        run.holes = run.pages < gfns.length;
        return run;
    }

    private Run map(long number) {
        Run run = newRun(number);
        int piece = (int) (number >>> 9);
        if (pieces[piece] == null) {
            pieces[piece] = new Run[PIECE];
        }
        pieces[piece][(int) number & PIECE - 1] = run;
        runs.add(run);
        mappedPages += run.pages;
        return run;
    }

    /** The frames from {@code from} to before {@code to} that lie in the ranges. */
    private long[] gfns(long from, long to) {
        long[] gfns = new long[(int) (to - from)];
        int count = 0;
        for (MemoryRange range : ranges) {
            long last = Math.min(range.end() >>> 12, to);
            for (long gfn = Math.max(range.gpa() >>> 12, from); gfn < last; gfn++) {
                gfns[count++] = gfn;
            }
        }
        return Arrays.copyOf(gfns, count);
    }

    private void map(Run run, long[] gfns) {
        if (gfns.length == 0) {
            return;
        }
        int[] errors = new int[gfns.length];
        ForeignMemory.Mapping mapping;
        try {
            mapping = foreign.map(gfns, errors);
        } catch (ForeignMemory.MapFailure failure) {
            refused = failure.errno();
            if (gfns.length > LEAST_PAGES && !Errno.isRefusal(refused) && refused != Errno.ESRCH) {
                map(run, Arrays.copyOf(gfns, gfns.length / 2));
                map(run, Arrays.copyOfRange(gfns, gfns.length / 2, gfns.length));
            }
            return;
        }
        int before = run.pages;
        int next;
        for (int i = 0; i < gfns.length; i = next) {
            next = i + 1;
            if (errors[i] != 0) {
                refused = -errors[i];
                continue;
            }
            while (next < gfns.length && errors[next] == 0 && gfns[next] == gfns[next - 1] + 1) {
                next++;
            }
            add(run, mapping, gfns[i], i, next - i);
        }
        if (run.pages == before) {
            mapping.unmap();
        } else {
            run.mappings.add(mapping);
        }
    }

    private static void add(Run run, ForeignMemory.Mapping mapping, long gfn, int index, int count) {
        ByteBuffer bytes = mapping.bytes().slice(index * PAGE, count * PAGE);
        Stretch stretch = new Stretch(new MemoryWindow(gfn << 12, bytes), mapping.address() + (long) index * PAGE);
        run.pages += count;
        if (count == RUN_PAGES) {
            run.stretches = new Stretch[] {stretch};
            return;
        }
        if (run.stretches.length == 0) {
            run.stretches = new Stretch[RUN_PAGES];
            Arrays.fill(run.stretches, NOTHING);
        }
        int at = (int) gfn & RUN_PAGES - 1;
        Arrays.fill(run.stretches, at, at + count, stretch);
    }

    /**
     * Maps the first run, to tell a refusal from a hole.
     *
     * @throws HptException {@code ACCESS_DENIED} when Xen refuses; {@code UNREADABLE_GUEST} when nothing is there
     */
    synchronized void probe() {
        stretch(0);
        Run run = mapped(0);
        if (run == null || run.pages == 0) {
            throw Errno.isRefusal(refused)
                    ? new HptException(Step.BACKEND, Reason.ACCESS_DENIED, subject, "Xen refuses to map its memory"
                            + " (errno " + refused + "): a security policy (XSM) or kernel lockdown forbids it")
                            .next("see 'xl dmesg' and 'dmesg'")
                    : new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject,
                            "the first 2 MiB of its memory cannot be mapped (errno " + refused + ")");
        }
    }

    @Override
    public synchronized void refresh() {
        requireThere();
        leaveScanned();
        reading++;
        long now = clock.getAsLong();
        List<Run> kept = new ArrayList<>(runs.size());
        for (Run run : runs) {
            long age = now - run.mappedAt;
            if (age > REMAP_NANOS || run.holes && age > RETRY_NANOS) {
                release(run);
            } else {
                kept.add(run);
            }
        }
        if (mappedPages > KEPT_PAGES) {
            kept.sort(Comparator.comparingLong((Run run) -> run.lastReading).reversed());
            while (mappedPages > KEPT_PAGES) {
                release(kept.remove(kept.size() - 1));
            }
        }
        runs.clear();
        runs.addAll(kept);
    }

    private void release(Run run) {
        pieces[(int) (run.number >>> 9)][(int) run.number & PIECE - 1] = null;
        mappedPages -= run.pages;
        run.mappings.forEach(ForeignMemory.Mapping::vacate);
    }

    private void releaseAll() {
        leaveScanned();
        runs.forEach(this::release);
        runs.clear();
    }

    /** {@inheritDoc} A long part is mapped for the moment only, so that a scan of all RAM leaves 2 MiB mapped at most. */
    @Override
    public synchronized int read(long gpa, byte[] to, int offset, int length) {
        if (length < LONG_READ) {
            return PhysicalMemory.super.read(gpa, to, offset, length);
        }
        requireThere();
        int done = 0;
        while (done < length && gpa + done >= 0 && gpa + done < end && !closed) {
            long at = gpa + done;
            int part = (int) Math.min(length - done, ((at >>> RUN_SHIFT) + 1 << RUN_SHIFT) - at);
            int count = mapped(at) != null ? PhysicalMemory.super.read(at, to, offset + done, part)
                    : at >>> RUN_SHIFT == scanned.number ? readScanned(at, to, offset + done, part)
                    : readOnce(at, to, offset + done, part);
            done += count;
            if (count < part) {
                break;
            }
        }
        return done;
    }

    /** Reads by a mapping of just these pages. */
    private int readOnce(long gpa, byte[] to, int offset, int length) {
        leaveScanned();
        long first = gpa >>> 12;
        long[] gfns = gfns(first, (gpa + length + PAGE - 1) >>> 12);
        int[] errors = new int[gfns.length];
        int good = 0;
        if (gfns.length == 0 || gfns[0] != first) {
            return 0;
        }
        ForeignMemory.Mapping mapping;
        try {
            mapping = foreign.map(gfns, errors);
        } catch (ForeignMemory.MapFailure failure) {
            // By smaller parts, and with the answer for a domain that is no more.
            scanned = newRun(gpa >>> RUN_SHIFT);
            return readScanned(gpa, to, offset, length);
        }
        try {
            while (good < gfns.length && gfns[good] == first + good && errors[good] == 0) {
                good++;
            }
            int inPage = (int) gpa & PAGE - 1;
            int count = Math.max(0, Math.min(length, good * PAGE - inPage));
            mapping.bytes().get(inPage, to, offset, count);
            return count;
        } finally {
            mapping.unmap();
            if (good < gfns.length && errors[good] != 0) {
                // Whoever searches goes on page by page, which must not cost a call each.
                scanned = newRun(gpa >>> RUN_SHIFT);
            }
        }
    }

    private int readScanned(long gpa, byte[] to, int offset, int length) {
        int done = 0;
        while (done < length) {
            MemoryWindow window = scanned.at(gpa + done).window;
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

    private void leaveScanned() {
        scanned.mappings.forEach(ForeignMemory.Mapping::unmap);
        scanned = NO_RUN;
    }

    /** Pages that are mapped now. */
    synchronized long mappedPages() {
        return mappedPages + scanned.pages;
    }

    /** The domain was destroyed: gives its memory back, so that Xen can free it. */
    synchronized void vanish() {
        gone = true;
        releaseAll();
    }

    private void requireThere() {
        if (gone) {
            throw new HptException(Step.BACKEND, Reason.GUEST_GONE, subject, "the guest was destroyed")
                    .next("hpt guests shows what runs now");
        }
        if (!suspended.isEmpty()) {
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, suspended)
                    .next("wait until its balloon driver has run, and ask again");
        }
    }

    /**
     * Lets nobody read until further notice; what is mapped is left alone.
     *
     * @param why empty to let read again
     */
    synchronized void suspend(String why) {
        suspended = why;
    }

    synchronized void close() {
        if (!closed) {
            closed = true;
            releaseAll();
            foreign.close();
        }
    }
}
