// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import org.xenhpt.itests.guest.GuestSpec;

/** The kernel of Debian's unstable suite. */
class Linux72Test extends GuestContract {
    @Override
    GuestSpec spec() {
        return GuestSpec.of("sid-amd64");
    }
}
