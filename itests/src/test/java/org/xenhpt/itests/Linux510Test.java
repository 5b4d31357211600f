// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import org.xenhpt.itests.guest.GuestSpec;

/** Debian 11's kernel. */
class Linux510Test extends GuestContract {
    @Override
    GuestSpec spec() {
        return GuestSpec.of("bullseye-amd64").withVmcoreinfo();
    }
}
