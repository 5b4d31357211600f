// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** A format of memory images. */
sealed interface ImageFormat permits XenCore, ElfCore, Kdump, Lime, Raw {
    /** Every format, in the order in which they are asked. Raw takes what no other knows. */
    List<ImageFormat> ALL = List.of(new XenCore(), new ElfCore(), new Kdump(), new Lime(), new Raw());

    /**
     * Whether an image is of this format, told by its content.
     *
     * @param magic its first eight bytes, little-endian; 0 when there are fewer
     */
    boolean recognises(ImageBytes image, long magic);

    /**
     * Reads the headers of an image that this format recognised.
     *
     * @throws org.xenhpt.api.error.HptException {@code UNREADABLE_GUEST}
     */
    Image open(ImageBytes image);

    /** Finds an image's format and reads its headers. */
    static Image read(ImageBytes image) {
        long magic = image.size() < Long.BYTES ? 0 : image.need(0, Long.BYTES, "the begin of the image").getLong(0);
        for (ImageFormat format : ALL) {
            if (format.recognises(image, magic)) {
                return format.open(image);
            }
        }
        throw image.unreadable("no memory image of a known format");
    }

    /** Eight characters as {@link #recognises} sees them. */
    static long magic(String text) {
        return ByteBuffer.wrap(text.getBytes(StandardCharsets.ISO_8859_1)).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    }
}
