// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import org.xenhpt.itests.guest.GuestSpec;

/** Debian 12's kernel. */
class Linux61Test extends GuestContract {
    @Override
    GuestSpec spec() {
        return GuestSpec.of("bookworm-amd64").withVmcoreinfo();
    }
}
