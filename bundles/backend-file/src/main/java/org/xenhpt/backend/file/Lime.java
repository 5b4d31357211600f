// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * The format of the Linux Memory Extractor: ranges of memory one after the other, each with a header of 32 bytes that
 * holds a magic number, a version, the first and the last GPA (LiME, doc/README.md).
 */
final class Lime implements ImageFormat {
    private static final int HEADER = 32;
    private static final int MAGIC = 0x4c694d45;
    private static final int VERSION = 1;
    private static final int MAX_RANGES = 1 << 20;

    @Override
    public boolean recognises(ImageBytes image, long magic) {
        return (int) magic == MAGIC;
    }

    @Override
    public Image open(ImageBytes image) {
        List<Extent> found = new ArrayList<>();
        long at = 0;
        while (at < image.size()) {
            String what = "LiME range " + found.size();
            ByteBuffer header = image.need(at, HEADER, "the header of " + what);
            if (header.getInt(0) != MAGIC || header.getInt(4) != VERSION) {
                throw image.unreadable(what + ", at offset 0x" + Long.toHexString(at) + ", begins with 0x"
                        + Integer.toHexString(header.getInt(0)) + " version "
                        + Integer.toUnsignedString(header.getInt(4)) + ", which is no header of LiME version 1")
                        .next("the image is truncated or damaged");
            }
            long gpa = header.getLong(8);
            long last = header.getLong(16);
            long size = last - gpa + 1;
            if (size <= 0 || !Extent.isMemory(gpa, size)) {
                throw image.unreadable(what + ", at offset 0x" + Long.toHexString(at) + ", goes from GPA 0x"
                        + Long.toHexString(gpa) + " to 0x" + Long.toHexString(last) + ": damaged");
            }
            image.require(what + ", GPA 0x" + Long.toHexString(gpa), at + HEADER, size);
            found.add(new Extent(gpa, at + HEADER, size));
            if (found.size() > MAX_RANGES) {
                throw image.unreadable("more than " + MAX_RANGES + " LiME ranges: damaged");
            }
            at += HEADER + size;
        }
        return Images.of("LiME", image, found, Notes.NONE);
    }
}
