// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The pages of a kdump-compressed image, found by their place in the bitmap and inflated one by one. */
final class KdumpPages implements PageSource {
    private static final Logger LOG = LoggerFactory.getLogger(KdumpPages.class);
    private static final int DESCRIPTOR = 24;

    private final ImageBytes image;
    private final PageBitmap dumped;
    private final long descriptorsAt;
    private final Inflater inflater = new Inflater();
    private final ByteBuffer descriptor = ByteBuffer.allocate(DESCRIPTOR).order(ByteOrder.LITTLE_ENDIAN);
    private final byte[] data = new byte[Extents.PAGE];
    private final byte[] beyond = new byte[1];
    private boolean warned;

    KdumpPages(ImageBytes image, PageBitmap dumped, long descriptorsAt) {
        this.image = image;
        this.dumped = dumped;
        this.descriptorsAt = descriptorsAt;
    }

    @Override
    public boolean load(long gfn, byte[] page) {
        long rank = dumped.rank(gfn);
        if (rank < 0) {
            return false;
        }
        long at = descriptorsAt + rank * DESCRIPTOR;
        if (image.read(at, descriptor.array(), 0, DESCRIPTOR) < DESCRIPTOR) {
            return damaged(gfn, "has no descriptor");
        }
        long dataAt = descriptor.getLong(0);
        int size = descriptor.getInt(8);
        int compression = descriptor.getInt(12) & Compression.MASK;
        // A page that does not shrink is stored as it is, so no stored page is longer.
        if (size <= 0 || size > Extents.PAGE) {
            return damaged(gfn, "has a stored size of " + Integer.toUnsignedString(size) + " bytes");
        }
        byte[] to = compression == 0 ? page : data;
        if (image.read(dataAt, to, 0, size) < size) {
            return damaged(gfn, "has its data at 0x" + Long.toHexString(dataAt) + ", outside of the image");
        }
        if (compression == 0) {
            return size == Extents.PAGE || damaged(gfn, "is stored as it is, in " + size + " bytes");
        }
        if (compression != Compression.ZLIB.flag()) {
            return damaged(gfn, "has compression flags 0x" + Integer.toHexString(compression));
        }
        return inflates(size, page) || damaged(gfn, "does not inflate to 4096 bytes");
    }

    private boolean inflates(int size, byte[] page) {
        inflater.reset();
        inflater.setInput(data, 0, size);
        try {
            int length = 0;
            while (length < Extents.PAGE) {
                int more = inflater.inflate(page, length, Extents.PAGE - length);
                if (more == 0) {
                    return false;
                }
                length += more;
            }
            // Only now is the checksum at the end read, and a stream that goes on noticed.
            return inflater.finished() || inflater.inflate(beyond) == 0 && inflater.finished();
        } catch (DataFormatException e) {
            return false;
        }
    }

    private boolean damaged(long gfn, String how) {
        String gpa = Long.toHexString(gfn * Extents.PAGE);
        if (warned) {
            LOG.debug("{}: the page at GPA 0x{} {}", image.path(), gpa, how);
        } else {
            LOG.warn("{}: the page at GPA 0x{} {}: it is left out, and so are others like it", image.path(), gpa, how);
            warned = true;
        }
        return false;
    }
}
