// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.kernel;

import java.util.List;
import java.util.Map;
import org.xenhpt.api.translation.PagingMode;

/**
 * Which kernel a guest runs and where it lies.
 *
 * @param release      as {@code uname -r} prints it
 * @param banner       the kernel's {@code linux_banner}, without the line's end
 * @param buildId      the GNU build id in lower-case hexadecimal, empty when the kernel does not tell it
 * @param architecture of the kernel
 * @param paging       the mode its own page tables are written in
 * @param rootGpa      GPA of the kernel's own top-level page table (swapper_pg_dir)
 * @param kaslrOffset  bytes to add to a link address in the kernel image to get its GVA
 * @param physBase     bytes to add to a GVA in the kernel image, less the address where the image's mapping begins
 *                     ({@code __START_KERNEL_map}; i386: {@code PAGE_OFFSET}), to get its GPA
 * @param imageStart   GVA of the lowest byte of the kernel image known to be mapped
 * @param imageEnd     GVA after the highest byte of the kernel image known to be mapped
 * @param symbols      GVAs of the symbols learnt on the way, such as those VMCOREINFO lists; already moved by KASLR
 * @param findings     how each of these was found
 * @param place        how {@link KernelIdentifier#identifyAt} finds it again, in the identifier's own words; empty when it
 *                     is to be searched for again
 */
public record KernelIdentity(String release, String banner, String buildId, Architecture architecture,
        PagingMode paging, long rootGpa, long kaslrOffset, long physBase, long imageStart, long imageEnd,
        Map<String, Long> symbols, List<Finding> findings, String place) {
    public KernelIdentity {
        symbols = Map.copyOf(symbols);
        findings = List.copyOf(findings);
    }

    /** Without a place. */
    public KernelIdentity(String release, String banner, String buildId, Architecture architecture,
            PagingMode paging, long rootGpa, long kaslrOffset, long physBase, long imageStart, long imageEnd,
            Map<String, Long> symbols, List<Finding> findings) {
        this(release, banner, buildId, architecture, paging, rootGpa, kaslrOffset, physBase, imageStart, imageEnd, symbols,
                findings, "");
    }

    public KernelVersion version() {
        return KernelVersion.of(release);
    }
}
