// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

/** The compressions that a kdump's status and its pages name by a flag. */
enum Compression {
    ZLIB("zlib", 0x1),
    LZO("lzo", 0x2),
    SNAPPY("snappy", 0x4),
    ZSTD("zstd", 0x20);

    private final String label;
    private final int flag;

    Compression(String label, int flag) {
        this.label = label;
        this.flag = flag;
    }

    /** All flags together. */
    static final int MASK = ZLIB.flag | LZO.flag | SNAPPY.flag | ZSTD.flag;

    int flag() {
        return flag;
    }

    /** The name of what the flags say, when it is supported. */
    static String nameOf(ImageBytes image, int flags) {
        for (Compression compression : values()) {
            if (compression != ZLIB && (flags & compression.flag) != 0) {
                throw image.unreadable("its pages are compressed with " + compression.label
                        + ", which is not supported; zlib is")
                        .next("convert it: makedumpfile -c -d 0 " + image.path() + " OUT");
            }
        }
        return (flags & ZLIB.flag) != 0 ? ZLIB.label : "not compressed";
    }
}
