// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import org.xenhpt.itests.guest.GuestSpec;

/** 5-level paging in the newest kernel, and RAM that only /proc/PID/mem reaches. */
class Linux72FiveLevelTest extends GuestContract {
    @Override
    GuestSpec spec() {
        return GuestSpec.of("sid-amd64").withLa57().ram(GuestSpec.Ram.PRIVATE);
    }

    @Override
    String paging() {
        return "5-level";
    }
}
