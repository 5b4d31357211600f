// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.translation;

/** The paging modes of x86 (Intel SDM volume 3A, chapter 4). */
public enum PagingMode {
    /** 32-bit paging: two levels, 4 KiB and 4 MiB pages. */
    X86_32("32-bit", 4),
    /** PAE paging: three levels, 4 KiB and 2 MiB pages. */
    PAE("PAE", 4),
    /** 4-level paging: 4 KiB, 2 MiB and 1 GiB pages. */
    LEVEL_4("4-level", 8),
    /** 5-level paging (LA57): as 4-level, 57 bits of GVA. */
    LEVEL_5("5-level", 8);

    private final String label;
    private final int pointerSize;

    PagingMode(String label, int pointerSize) {
        this.label = label;
        this.pointerSize = pointerSize;
    }

    /** The name as the manuals write it. */
    public String label() {
        return label;
    }

    /** Size of a kernel pointer under this mode, in bytes. */
    public int pointerSize() {
        return pointerSize;
    }
}
