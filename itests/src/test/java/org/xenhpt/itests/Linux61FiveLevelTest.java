// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import org.xenhpt.itests.guest.GuestSpec;

/** 5-level paging, and RAM in shared memory without a name. */
class Linux61FiveLevelTest extends GuestContract {
    @Override
    GuestSpec spec() {
        return GuestSpec.of("bookworm-amd64").withLa57().ram(GuestSpec.Ram.MEMFD);
    }

    @Override
    String paging() {
        return "5-level";
    }
}
