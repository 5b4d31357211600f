// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import java.util.List;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.ImageFormat;

/** Debian 13's kernel. */
class Linux612Test extends GuestContract {
    @Override
    GuestSpec spec() {
        return GuestSpec.of("trixie-amd64").withVmcoreinfo();
    }

    /** Debian 12's makedumpfile (1.7.2) takes slab pages of 6.10 and later for user pages, and leaves tasks out. */
    @Override
    List<ImageFormat> formats() {
        return super.formats().stream().filter(format -> format != ImageFormat.FILTERED).toList();
    }
}
