// SPDX-License-Identifier: Apache-2.0
/**
 * Live guests of QEMU, with KVM or TCG. QEMU is asked over QMP where the guest's RAM lies; the RAM itself is read past
 * it, where it is mapped (a shared memory backend) or by copies from {@code /proc/PID/mem}. The guest runs on.
 *
 * <p>What the guest and QEMU pay:
 * <ul>
 * <li>{@code open} asks QEMU a dozen short questions on its main loop, some milliseconds in all. The QMP socket is given
 * back before {@code open} returns, since QEMU serves one client a socket.
 * <li>Reading costs the guest nothing but memory bandwidth. Reading a window of a RAM page that was never written
 * allocates that page when the backend is a memfd or a file on tmpfs or hugetlbfs; {@code PhysicalMemory.read} of long
 * stretches does not, so a scan of all RAM should use it.
 * <li>{@code registers} sends HMP's {@code info registers -a}. With KVM each vCPU is kicked out of the guest once, for
 * tens of microseconds. With TCG no vCPU is stopped, and its registers are not of one moment: RIP and the flags are
 * those of the last time the translated code wrote them back.
 * </ul>
 */
package org.xenhpt.backend.qemu;
