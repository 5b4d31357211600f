// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.nio.ByteBuffer;
import org.xenhpt.api.guest.GuestState;

/**
 * What the hypervisor says of a domain: {@code struct xen_domctl_getdomaininfo}. Up to the handle it is the same in Xen
 * 4.8 to 4.22; what follows is not read.
 *
 * @param hvm       HVM or PVH, as opposed to PV
 * @param hap       hardware-assisted paging, as opposed to shadow paging
 * @param dying     it is being destroyed, or a zombie
 * @param state     what it is doing
 * @param pages     frames it has now
 * @param maxPages  frames it may have
 * @param maxVcpuId the greatest number of a vCPU; -1 when it has none
 */
record DomainInfo(int domid, boolean hvm, boolean hap, boolean dying, GuestState state, long pages, long maxPages,
        int maxVcpuId) {
    /** More than the structure of any version has, which is 112. */
    static final int BYTES = 512;

    private static final int DYING = 1;
    private static final int HVM = 1 << 1;
    private static final int SHUT_DOWN = 1 << 2;
    private static final int PAUSED = 1 << 3;
    private static final int SHUTDOWN_SHIFT = 16;
    /** {@code SHUTDOWN_crash} and {@code SHUTDOWN_watchdog} of public/sched.h. */
    private static final int CRASH = 3;
    private static final int WATCHDOG = 4;
    /** Xen's own limit is 8192 (MAX_VIRT_CPUS), HVM's 128. */
    private static final int MAX_VCPUS = 8192;

    /** @param bytes little-endian */
    static DomainInfo parse(ByteBuffer bytes, XenHost.Version version) {
        int flags = bytes.getInt(4);
        // 33e5c32559 ("x86: remove PVHv1 code", 4.9) took out the flag of bit 7 and moved those after it.
        int hap = version.major() == 4 && version.minor() < 9 ? 1 << 9 : 1 << 8;
        int maxVcpuId = bytes.getInt(68);
        return new DomainInfo(bytes.getShort(0) & 0xffff, (flags & HVM) != 0, (flags & hap) != 0, (flags & DYING) != 0,
                state(flags), bytes.getLong(8), bytes.getLong(16),
                maxVcpuId < 0 || maxVcpuId >= MAX_VCPUS ? -1 : maxVcpuId);
    }

    private static GuestState state(int flags) {
        if ((flags & SHUT_DOWN) != 0) {
            int reason = flags >>> SHUTDOWN_SHIFT & 0xff;
            return reason == CRASH || reason == WATCHDOG ? GuestState.CRASHED : GuestState.SHUT_OFF;
        }
        if ((flags & DYING) != 0) {
            return GuestState.SHUT_OFF;
        }
        return (flags & PAUSED) != 0 ? GuestState.PAUSED : GuestState.RUNNING;
    }
}
