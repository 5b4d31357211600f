// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.error;

/**
 * An address of the guest that cannot be read. Guests lie and change, so faults are common: this one has no stack trace
 * and builds its text only when asked.
 */
public final class MemoryFault extends HptException {
    private static final long serialVersionUID = 1L;

    /** What is wrong with the address. */
    public enum Kind {
        /** A GVA whose unused upper bits do not repeat the highest used bit. */
        NOT_CANONICAL("is not canonical"),
        /** A GVA for which a page-table entry is not present. */
        NOT_MAPPED("is not mapped"),
        /** A GVA whose page-table entry sets reserved bits or leads out of physical memory. */
        BAD_TABLE("has a malformed page table entry"),
        /** A GPA where the guest has no RAM, or whose page is not in the image, or that cannot be mapped now. */
        NO_RAM("is not readable guest memory");

        private final String text;

        Kind(String text) {
            this.text = text;
        }
    }

    private final Kind kind;
    private final long address;

    /** @param address a GPA for {@link Kind#NO_RAM}, else a GVA */
    public MemoryFault(Kind kind, long address) {
        super(Step.TRANSLATION, Reason.MEMORY_FAULT, "", null, null, false);
        this.kind = kind;
        this.address = address;
    }

    public Kind kind() {
        return kind;
    }

    /** A GPA for {@link Kind#NO_RAM}, else a GVA. */
    public long address() {
        return address;
    }

    @Override
    public String detail() {
        return (kind == Kind.NO_RAM ? "GPA 0x" : "GVA 0x") + Long.toHexString(address) + " " + kind.text;
    }
}
