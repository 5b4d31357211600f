// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.kallsyms;

import org.xenhpt.identify.KernelImage;

/**
 * The addresses of kallsyms, one for each name, sorted.
 *
 * @param encoding how they are written
 * @param table    GVA of {@code kallsyms_addresses} or {@code kallsyms_offsets}
 * @param base     the value of {@code kallsyms_relative_base}, 0 where there is none
 */
record AddressTable(Encoding encoding, long table, long base) {

    /** How kernels wrote the addresses, by time. */
    enum Encoding {
        /** Pointers; the only way until 4.5, a way until 6.10. */
        ABSOLUTE("absolute"),
        /**
         * x86-64 with SMP, 4.6 to 6.14: not negative is a per-CPU offset as it is, negative is
         * {@code base - 1 - value}.
         */
        ABSOLUTE_PERCPU("relative to a base, per-CPU symbols absolute"),
        /** Since 4.6, on x86-64 6.15 to 6.19: {@code base} and an unsigned distance. */
        BASE_RELATIVE("relative to a base"),
        /** Since 7.0 (a081b5789255d): the distance from the entry itself. */
        PLACE_RELATIVE("relative to their place");

        private final String label;

        Encoding(String label) {
            this.label = label;
        }

        String label() {
            return label;
        }
    }

    int entrySize(KernelImage image) {
        return encoding == Encoding.ABSOLUTE ? image.space().pointerSize() : 4;
    }

    /**
     * GVA of a symbol, or a per-CPU offset.
     *
     * @throws org.xenhpt.api.error.MemoryFault when the entry is not there
     */
    long address(KernelImage image, int index) {
        long at = table + (long) index * entrySize(image);
        long address = switch (encoding) {
            case ABSOLUTE -> image.space().readPointer(at);
            case ABSOLUTE_PERCPU -> {
                int value = image.space().readInt(at);
                yield value >= 0 ? value : base - 1 - value;
            }
            case BASE_RELATIVE -> base + (image.space().readInt(at) & 0xffffffffL);
            case PLACE_RELATIVE -> at + image.space().readInt(at);
        };
        return image.space().pointerSize() == 4 ? address & 0xffffffffL : address;
    }
}
