// SPDX-License-Identifier: Apache-2.0
/**
 * Live HVM and PVH guests of a Xen host, read from Domain 0. Their memory is mapped read-only with
 * {@code libxenforeignmemory}; who they are is asked of xenstore; {@code libxenctrl}, when there is one for the running
 * Xen, adds the paging mode, exact sizes and registers. Nothing of that is loaded before a guest is asked for.
 *
 * <p>What the guest pays:
 * <ul>
 * <li>Opening and reading stop no vCPU. Mapping is {@code IOCTL_PRIVCMD_MMAPBATCH_V2}, at most 512 pages a call.
 * <li>{@code registers} stops each vCPU, one after the other, for one hypercall
 * ({@code XEN_DOMCTL_gethvmcontext_partial}); on Xen 4.8 to 4.11 the whole guest, for each vCPU once. Asked
 * for one vCPU, only that one, or the whole guest once.
 * <li>A mapped page cannot be freed by Xen. When a reading begins, mappings that are
 * {@value DomainMemory#REMAP_SECONDS} s old are given back, and the least used ones where more than
 * {@value DomainMemory#KEPT_MIB} MiB are mapped; within about a second after the guest was destroyed, and when it is
 * closed, all are. Until then a page that the guest's balloon driver gave back is not really free, and one that it got
 * again for the same frame can be seen as it was before. Between readings what the last one mapped stays mapped.
 * The search for the kernel reads by copies, and leaves little mapped.
 * <li>Mapping a page that is to be populated on demand would populate it, and could use up what such a guest has, which
 * ends it. A guest that has such pages is refused until its balloon driver has given them back; an opened one is
 * looked at again when the toolstack changes its memory.
 * </ul>
 */
package org.xenhpt.backend.xen;
