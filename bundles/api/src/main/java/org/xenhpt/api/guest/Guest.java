// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.guest;

import java.util.List;
import java.util.Optional;
import org.osgi.annotation.versioning.ConsumerType;

/** An opened guest. Used by one thread at a time. */
@ConsumerType
public interface Guest extends AutoCloseable {
    GuestInfo info();

    PhysicalMemory memory();

    /**
     * The registers of each vCPU, or an empty list where they cannot be had. On a live guest this may stop a vCPU for a
     * moment: the backend's documentation says for how long. Nothing calls this unless registers were asked for.
     */
    default List<VcpuRegisters> registers() {
        return List.of();
    }

    /**
     * The registers of one vCPU, with as little harm to the others as the backend can do; empty where they cannot be had.
     *
     * @param vcpu its number, from 0
     */
    default Optional<VcpuRegisters> registers(int vcpu) {
        return registers().stream().filter(registers -> registers.vcpu() == vcpu).findFirst();
    }

    /**
     * The VMCOREINFO text that an image carries beside its memory (an ELF note, a kdump header), so that it need not be
     * searched for; empty where there is none. A hint, checked like everything else a guest says.
     */
    default Optional<String> vmcoreinfo() {
        return Optional.empty();
    }

    /**
     * What tells the memory of an image from any other by the same name, such as its file's size and time; empty where
     * nothing does, as for a guest that runs.
     */
    default String stamp() {
        return "";
    }

    /** Gives everything back: mappings, files, sockets. No window of the guest's memory may be used afterwards. */
    @Override
    void close();
}
