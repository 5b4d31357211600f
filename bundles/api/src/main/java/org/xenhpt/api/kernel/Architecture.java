// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.kernel;

/** The kernels' architectures that XenHPT knows. */
public enum Architecture {
    X86_64("x86-64", 8), I386("i386", 4);

    private final String label;
    private final int pointerSize;

    Architecture(String label, int pointerSize) {
        this.label = label;
        this.pointerSize = pointerSize;
    }

    public String label() {
        return label;
    }

    /** Size of a pointer in bytes. */
    public int pointerSize() {
        return pointerSize;
    }

    /**
     * The lowest address at which a kernel image of this architecture can be linked. What kallsyms lists below it is not
     * an address in the image (per-CPU offsets on x86-64 before 6.15) and is not moved by KASLR.
     */
    public long lowestImageAddress() {
        return this == X86_64 ? 0xffffffff80000000L : 0x40000000L;
    }
}
