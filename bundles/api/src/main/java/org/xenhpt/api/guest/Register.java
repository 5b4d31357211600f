// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.guest;

/** The registers that a backend may give. */
public enum Register {
    RIP, RSP, RFLAGS, CR0, CR2, CR3, CR4, EFER, CS, SS,
    FS_BASE, GS_BASE,
    /** The GS base that {@code swapgs} will bring: the kernel's while in user mode, the user's while in the kernel. */
    KERNEL_GS_BASE,
    GDTR_BASE, IDTR_BASE, TR_BASE, LSTAR
}
