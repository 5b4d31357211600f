// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.translation;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.api.translation.Translator;

/** Translation by x86 page tables (Intel SDM volume 3A, chapter 4; AMD64 APM volume 2, chapter 5). */
@Component
public final class X86Translator implements Translator {
    private static final long CR0_PG = 1L << 31;
    private static final long CR4_PAE = 1L << 5;
    private static final long CR4_LA57 = 1L << 12;
    private static final long EFER_LMA = 1L << 10;
    /** Linux puts the user half of a pair of page-global directories into the page after the kernel's (PTI_USER_PGTABLE_BIT). */
    private static final long USER_HALF = 0x1000;

    @Override
    public Optional<PagingMode> modeOf(VcpuRegisters registers) {
        OptionalLong cr0 = registers.get(Register.CR0);
        OptionalLong cr4 = registers.get(Register.CR4);
        if (cr0.isEmpty() || cr4.isEmpty() || (cr0.getAsLong() & CR0_PG) == 0) {
            return Optional.empty();
        }
        if ((cr4.getAsLong() & CR4_PAE) == 0) {
            return Optional.of(PagingMode.X86_32);
        }
        OptionalLong efer = registers.get(Register.EFER);
        if (efer.isEmpty()) {
            // PAE and long mode differ in EFER alone; LA57 cannot be set without long mode.
            return (cr4.getAsLong() & CR4_LA57) != 0 ? Optional.of(PagingMode.LEVEL_5) : Optional.empty();
        }
        if ((efer.getAsLong() & EFER_LMA) == 0) {
            return Optional.of(PagingMode.PAE);
        }
        return Optional.of((cr4.getAsLong() & CR4_LA57) != 0 ? PagingMode.LEVEL_5 : PagingMode.LEVEL_4);
    }

    @Override
    public Optional<PagingMode> modeOf(PhysicalMemory memory, long rootGpa, long gva, long gpa) {
        List<PagingMode> fitting = new ArrayList<>();
        for (PagingMode mode : PagingMode.values()) {
            PagingFormat format = PagingFormat.of(mode);
            boolean aligned = (rootGpa & ~format.rootMask()) == 0;
            if (aligned && new PageWalker(memory, format, rootGpa).walk(gva) == gpa) {
                fitting.add(mode);
            }
        }
        // Up to 2.6.24 a PAE kernel starts with a directory of 32-bit paging in the page of its swapper_pg_dir, and only
        // then writes the four entries at its beginning (pagetable_init); the rest stays. A kernel that goes on with
        // 32-bit paging leaves them empty, as they are for user space.
        if (fitting.contains(PagingMode.PAE)) {
            fitting.remove(PagingMode.X86_32);
        }
        return fitting.size() == 1 ? Optional.of(fitting.get(0)) : Optional.empty();
    }

    @Override
    public long rootOf(PhysicalMemory memory, PagingMode mode, long cr3) {
        long root = cr3 & PagingFormat.of(mode).rootMask();
        boolean wide = mode == PagingMode.LEVEL_4 || mode == PagingMode.LEVEL_5;
        return wide && (root & USER_HALF) != 0 && isPair(memory, root & ~USER_HALF, root) ? root & ~USER_HALF : root;
    }

    /** Under page-table isolation both tables map the same user memory; the kernel's alone maps the kernel whole. */
    private static boolean isPair(PhysicalMemory memory, long kernelTable, long userTable) {
        byte[] tables = new byte[0x2000];
        if (userTable != kernelTable + 0x1000 || memory.read(kernelTable, tables, 0, 0x2000) != 0x2000) {
            return false;
        }
        int kernelEntries = 0;
        int userEntries = 0;
        for (int entry = 0; entry < 512; entry++) {
            boolean inKernel = (tables[entry * 8] & 1) != 0;
            boolean inUser = (tables[0x1000 + entry * 8] & 1) != 0;
            if (entry < 256) {
                // The kernel's copy has NX set in user entries, so that only the presence can be compared.
                if (inKernel != inUser) {
                    return false;
                }
            } else {
                kernelEntries += inKernel ? 1 : 0;
                userEntries += inUser ? 1 : 0;
            }
        }
        return kernelEntries > userEntries && userEntries > 0;
    }

    @Override
    public AddressSpace open(PhysicalMemory memory, PagingMode mode, long rootGpa) {
        return new CachedAddressSpace(memory, mode, rootGpa);
    }
}
