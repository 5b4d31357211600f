// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.util.Optional;
import java.util.OptionalLong;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.translation.AddressSpace;

/**
 * A kernel whose tables, names and banner agree with each other.
 *
 * @param architecture of the kernel
 * @param space        its own address space
 * @param physBase     GPA of a byte of the image, less (its GVA - {@code base})
 * @param base         {@code __START_KERNEL_map} on x86-64, {@code PAGE_OFFSET} on i386
 * @param start        GVA of the lowest byte of the image known to be mapped
 * @param end          GVA after the highest
 * @param utsAt        GVA of the names in {@code init_uts_ns}
 * @param version      {@code uname -v}
 * @param banner       the banner
 * @param bannerAt     GVA of {@code linux_banner}
 * @param vmcoreinfo   the VMCOREINFO that led to it, or that was found with it
 * @param vmcoreinfoAt GPA of that; -1 when it came with the image or there is none
 * @param kaslrOffset  empty when nothing tells it
 * @param how          what led to it, in a clause
 */
record FoundKernel(Architecture architecture, AddressSpace space, long physBase, long base, long start, long end,
        long utsAt, String version, Banner banner, long bannerAt, Optional<Vmcoreinfo> vmcoreinfo, long vmcoreinfoAt,
        OptionalLong kaslrOffset, String how) {

    boolean crashed() {
        return vmcoreinfo.map(Vmcoreinfo::crashed).orElse(false);
    }

    KnownPlace place() {
        return new KnownPlace(space.mode(), space.rootGpa(), base, start, vmcoreinfoAt, utsAt, bannerAt);
    }

    boolean sameAs(FoundKernel other) {
        return space.rootGpa() == other.space.rootGpa() && start == other.start && physBase == other.physBase;
    }
}
