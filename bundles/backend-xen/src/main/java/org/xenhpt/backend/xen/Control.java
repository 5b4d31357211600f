// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.util.Optional;
import java.util.OptionalLong;
import org.xenhpt.api.guest.VcpuRegisters;

/** What only the hypervisor's control library tells. Errors are {@code HptException}s. */
interface Control extends AutoCloseable {
    /** Empty when there is no such domain. */
    Optional<DomainInfo> info(int domid);

    /** The greatest frame number that the guest has anything at; empty when Xen does not tell. */
    OptionalLong maximumGfn(int domid);

    /** How many frames are to be populated on demand; empty when Xen does not tell. */
    OptionalLong toPopulate(int domid);

    /** The registers of a vCPU, which is stopped for that; empty when it is offline. */
    Optional<VcpuRegisters> registers(int domid, int vcpu);

    @Override
    void close();
}
