// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import org.xenhpt.itests.guest.GuestSpec;

/** Debian 13's kernel. It is newer than what Debian 12's makedumpfile can filter without losing kernel pages. */
class Linux612Test extends GuestContract {
    @Override
    GuestSpec spec() {
        return GuestSpec.of("trixie-amd64");
    }
}
