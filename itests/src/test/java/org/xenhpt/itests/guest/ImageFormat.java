// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.guest;

/** A format of memory images. */
public enum ImageFormat {
    /** The offset is the GPA. */
    RAW,
    /** QEMU's {@code dump-guest-memory}: an ELF core. */
    ELF,
    /** QEMU's {@code dump-guest-memory -z}: every page, zlib-compressed. */
    KDUMP,
    /** What makedumpfile leaves of the ELF core: no page of user memory, none that is free. */
    FILTERED,
    /** LiME's: a header before each range of RAM. */
    LIME
}
