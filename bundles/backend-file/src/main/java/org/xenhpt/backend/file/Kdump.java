// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The kdump-compressed format of makedumpfile and of QEMU's {@code dump-guest-memory -z}: a header block, sub headers,
 * two bitmaps (pages that are RAM, pages that are in the dump), a descriptor for each page in the dump, page data
 * (makedumpfile, IMPLEMENTATION and diskdump_mod.h; QEMU, include/system/dump.h). Header versions up to 6. Pages may be
 * compressed with zlib.
 */
final class Kdump implements ImageFormat {
    private static final Logger LOG = LoggerFactory.getLogger(Kdump.class);

    private static final long SIGNATURE = ImageFormat.magic("KDUMP   ");
    private static final long OLD_SIGNATURE = ImageFormat.magic("DISKDUMP");
    private static final int MAX_VERSION = 6;
    private static final int STATUS_INCOMPLETE = 0x8;
    /** 16 TiB of guest: the index of its bitmap is 32 MiB. */
    private static final long MAX_PAGES = 1L << 32;
    private static final int DESCRIPTOR = 24;
    /** Descriptors looked at to tell a truncated dump. */
    private static final int TAIL = 1024;

    /**
     * Where things are in the header and the sub header: C's {@code long} and its alignment differ between 32 and 64
     * bit. Fields of the sub header are counted from its begin.
     */
    private enum Layout {
        BITS_32(412, 8, 20, 28, 32, 40, 72, 80, Integer.BYTES),
        BITS_64(424, 12, 32, 40, 48, 56, 96, 104, Long.BYTES);

        /** Offset of {@code status}; block_size, sub_hdr_size, bitmap_blocks and max_mapnr follow, four bytes each. */
        private final int status;
        private final int split;
        private final int vmcoreinfoAt;
        private final int vmcoreinfoSize;
        private final int notesAt;
        private final int notesSize;
        private final int maxMapnr64;
        private final int subHeader;
        private final int longBytes;

        Layout(int status, int split, int vmcoreinfoAt, int vmcoreinfoSize, int notesAt, int notesSize, int maxMapnr64,
                int subHeader, int longBytes) {
            this.status = status;
            this.split = split;
            this.vmcoreinfoAt = vmcoreinfoAt;
            this.vmcoreinfoSize = vmcoreinfoSize;
            this.notesAt = notesAt;
            this.notesSize = notesSize;
            this.maxMapnr64 = maxMapnr64;
            this.subHeader = subHeader;
            this.longBytes = longBytes;
        }

        long size(ByteBuffer from, int at) {
            return longBytes == Integer.BYTES ? Integer.toUnsignedLong(from.getInt(at)) : from.getLong(at);
        }

        /** Whether block sizes and counts read in this layout agree with each other. */
        boolean fits(ByteBuffer header) {
            long bitmapPages = Integer.toUnsignedLong(header.getInt(status + 12)) * Extents.PAGE * Byte.SIZE / 2;
            return header.getInt(status + 4) == Extents.PAGE && header.getInt(status + 8) > 0
                    && (bitmapPages >= Integer.toUnsignedLong(header.getInt(status + 16)));
        }
    }

    @Override
    public boolean recognises(ImageBytes image, long magic) {
        return magic == SIGNATURE || magic == OLD_SIGNATURE;
    }

    @Override
    public Image open(ImageBytes image) {
        ByteBuffer header = image.need(0, 464, "the kdump header");
        if (header.getLong(0) == OLD_SIGNATURE) {
            throw image.unreadable("the old diskdump format is not supported")
                    .next("convert it: makedumpfile -c -d 0 " + image.path() + " OUT");
        }
        int version = header.getInt(8);
        if (version < 0 || version > MAX_VERSION) {
            throw image.unreadable("kdump header version " + Integer.toUnsignedString(version)
                    + "; versions 0 to " + MAX_VERSION + " are known");
        }
        Layout layout = layout(image, header);
        int status = header.getInt(layout.status);
        long subHeaderBlocks = header.getInt(layout.status + 8);
        long bitmapBytes = Integer.toUnsignedLong(header.getInt(layout.status + 12)) * Extents.PAGE;
        long pages = Integer.toUnsignedLong(header.getInt(layout.status + 16));

        ByteBuffer sub = image.need(Extents.PAGE, layout.subHeader, "the kdump sub header");
        if (version >= 2 && sub.getInt(layout.split) != 0) {
            throw image.unreadable("this is one part of a dump that was split into several files")
                    .next("put the parts together: makedumpfile --reassemble PART... OUT");
        }
        if (version >= 6 && sub.getLong(layout.maxMapnr64) != 0) {
            pages = sub.getLong(layout.maxMapnr64);
        }
        if (pages <= 0 || pages > MAX_PAGES || pages > bitmapBytes / 2 * Byte.SIZE) {
            throw image.unreadable("the kdump header tells of " + Long.toUnsignedString(pages)
                    + " pages (max_mapnr) and of bitmaps for " + bitmapBytes / 2 * Byte.SIZE
                    + (pages > MAX_PAGES ? "; at most 2^32 pages are supported" : ": damaged"));
        }
        long bitmapAt = (1 + subHeaderBlocks) * Extents.PAGE;
        image.require("the kdump bitmaps", bitmapAt, bitmapBytes);
        long ram = new PageBitmap(image, bitmapAt, pages, "the first kdump bitmap").count();
        PageBitmap dumped = new PageBitmap(image, bitmapAt + bitmapBytes / 2, pages, "the second kdump bitmap");
        if (dumped.count() == 0) {
            throw image.unreadable("a kdump without a single page of memory");
        }
        long descriptorsAt = bitmapAt + bitmapBytes;
        boolean incomplete = (status & STATUS_INCOMPLETE) != 0;
        if (incomplete) {
            LOG.warn("{}: the dump is marked incomplete: it ended before every page was written", image.path());
        } else {
            image.require("the page descriptors of kdump", descriptorsAt, dumped.count() * DESCRIPTOR);
        }
        int compression = status | tailFlags(image, descriptorsAt, dumped.count(), incomplete);
        String name = Compression.nameOf(image, compression);

        Notes notes = Notes.NONE;
        if (version >= 4) {
            notes = Notes.read(image, sub.getLong(layout.notesAt), layout.size(sub, layout.notesSize), "kdump notes");
        }
        if (version >= 3 && notes.vmcoreinfo().isEmpty()) {
            notes = notes.withVmcoreinfo(image, sub.getLong(layout.vmcoreinfoAt),
                    layout.size(sub, layout.vmcoreinfoSize), "kdump's VMCOREINFO");
        }
        List<String> words = new ArrayList<>();
        words.add(name);
        if (incomplete) {
            words.add("incomplete");
        }
        PageSource source = new KdumpPages(image, dumped, descriptorsAt);
        return new Image("kdump-compressed (" + String.join(", ", words) + ")",
                new PagedMemory(image, source, dumped.ranges()), Math.max(ram, dumped.count()) * Extents.PAGE, notes);
    }

    /**
     * By which layout the header was written. Its words for the machine do not tell: QEMU writes the 32-bit layout and
     * {@code x86_64} for a 32-bit guest.
     */
    private static Layout layout(ImageBytes image, ByteBuffer header) {
        for (Layout layout : new Layout[] {Layout.BITS_64, Layout.BITS_32}) {
            if (layout.fits(header)) {
                return layout;
            }
        }
        throw image.unreadable("the kdump header's block size is "
                + Integer.toUnsignedString(header.getInt(Layout.BITS_64.status + 4)) + " (as 64-bit) or "
                + Integer.toUnsignedString(header.getInt(Layout.BITS_32.status + 4))
                + " (as 32-bit), with sizes that contradict each other; x86 has pages of 4096 bytes")
                .next("the image is damaged, or of another architecture");
    }

    /**
     * The flags of the last pages together. Data is written in the order of the pages, so it is the last that a
     * truncated dump lacks.
     */
    private static int tailFlags(ImageBytes image, long descriptorsAt, long count, boolean incomplete) {
        int number = (int) Math.min(count, TAIL);
        long at = descriptorsAt + (count - number) * DESCRIPTOR;
        if (incomplete && !image.reaches(at, (long) number * DESCRIPTOR)) {
            return 0;
        }
        ByteBuffer tail = image.need(at, number * DESCRIPTOR, "the page descriptors of kdump");
        int flags = 0;
        for (int i = 0; i < number * DESCRIPTOR; i += DESCRIPTOR) {
            flags |= tail.getInt(i + 12);
            if (!incomplete) {
                image.require("data of the dump's last pages", tail.getLong(i),
                        Integer.toUnsignedLong(tail.getInt(i + 8)));
            }
        }
        return flags;
    }
}
