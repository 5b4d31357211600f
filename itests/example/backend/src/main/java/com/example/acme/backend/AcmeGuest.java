// SPDX-License-Identifier: Apache-2.0
package com.example.acme.backend;

import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.PhysicalMemory;

/** A guest in a snapshot. */
record AcmeGuest(GuestUri uri, PhysicalMemory memory) implements Guest {
    @Override
    public GuestInfo info() {
        return new GuestInfo(uri, uri.name(), "Acme snapshot", GuestState.IMAGE, memory.ranges().get(0).size(), -1);
    }

    @Override
    public void close() {
        // The file was closed when it was mapped.
    }
}
