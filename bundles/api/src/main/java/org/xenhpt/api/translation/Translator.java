// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.translation;

import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.VcpuRegisters;

/** Makes address spaces. An OSGi service. */
@ProviderType
public interface Translator {
    /**
     * The paging mode that CR0, CR4 and EFER select.
     *
     * @return empty when paging is off or the registers do not tell
     */
    Optional<PagingMode> modeOf(VcpuRegisters registers);

    /**
     * The paging mode under which a top-level table maps a given GVA to a given GPA: how the mode is told without
     * registers.
     *
     * @param rootGpa GPA of the top-level table
     * @return the only mode that does, or empty when none or more than one does
     */
    Optional<PagingMode> modeOf(PhysicalMemory memory, long rootGpa, long gva, long gpa);

    /**
     * GPA of the top-level table that a CR3 value names, without its PCID and cache bits. Where it names the user half of a
     * pair of tables (page-table isolation), the kernel's table of that pair.
     */
    long rootOf(PhysicalMemory memory, PagingMode mode, long cr3);

    /** @param rootGpa GPA of the top-level table */
    AddressSpace open(PhysicalMemory memory, PagingMode mode, long rootGpa);
}
