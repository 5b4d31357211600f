// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.testkit;

import java.util.List;
import java.util.Optional;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.VcpuRegisters;

/** A guest that has the memory it was given. */
public record FakeGuest(PhysicalMemory memory, List<VcpuRegisters> registers, Optional<String> vmcoreinfo)
        implements Guest {

    public FakeGuest(PhysicalMemory memory) {
        this(memory, List.of(), Optional.empty());
    }

    @Override
    public GuestInfo info() {
        long size = memory.ranges().stream().mapToLong(range -> range.size()).sum();
        return new GuestInfo(new GuestUri("fake", "guest"), "guest", "fake",
                memory.live() ? GuestState.RUNNING : GuestState.IMAGE, size, Math.max(1, registers.size()));
    }

    @Override
    public void close() {
        // Nothing is held.
    }
}
