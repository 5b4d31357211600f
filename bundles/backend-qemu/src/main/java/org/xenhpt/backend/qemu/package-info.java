// SPDX-License-Identifier: Apache-2.0
/**
 * Live guests of QEMU, with KVM or TCG. QEMU is asked over QMP where the guest's RAM lies; the RAM itself is read past
 * it, where it is mapped (a shared memory backend) or by copies from {@code /proc/PID/mem}. The guest runs on.
 *
 * <p>What the guest and QEMU pay:
 * <ul>
 * <li>{@code open} asks QEMU some twenty short questions on its main loop, in five parcels: some milliseconds in all.
 * The QMP socket is given back before {@code open} returns, since QEMU serves one client a socket.
 * <li>Reading costs the guest nothing but memory bandwidth. The host pays when a window is read where the guest never
 * wrote: if the RAM is a memfd or a file on tmpfs or hugetlbfs, the page is allocated (a scan of an idle guest of 5 GiB
 * took 4.8 GiB of the host's memory). {@code PhysicalMemory.read} of 16 KiB and more at once goes past the mapping and
 * allocates nothing, so a scan of all RAM should use it.
 * <li>{@code registers} sends HMP's {@code info registers -a}. With KVM each vCPU is kicked out of the guest once, for
 * tens of microseconds. With TCG no vCPU is stopped, and its registers are not of one moment: RIP and the flags are
 * those of the last time the translated code wrote them back.
 * </ul>
 */
package org.xenhpt.backend.qemu;
