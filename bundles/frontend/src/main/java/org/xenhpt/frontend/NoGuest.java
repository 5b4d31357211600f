// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.List;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.GuestUri;

/** In place of a guest whose backend went, so that nothing of that is held any more. */
record NoGuest(GuestInfo info) implements Guest {
    private static final PhysicalMemory NO_MEMORY = new PhysicalMemory() {
        @Override
        public List<MemoryRange> ranges() {
            return List.of();
        }

        @Override
        public boolean live() {
            return false;
        }

        @Override
        public MemoryWindow window(long gpa) {
            return MemoryWindow.NONE;
        }
    };

    NoGuest(GuestUri uri) {
        this(new GuestInfo(uri, "", "", GuestState.UNKNOWN, -1, -1));
    }

    @Override
    public PhysicalMemory memory() {
        return NO_MEMORY;
    }

    @Override
    public void close() {
        // There is nothing to give back.
    }
}
