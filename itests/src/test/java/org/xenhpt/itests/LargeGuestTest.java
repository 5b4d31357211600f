// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import java.util.List;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.ImageFormat;

/** 5 GiB: RAM on both sides of the PCI hole, and images larger than 2 GiB and than hpt's heap. */
class LargeGuestTest extends GuestContract {
    @Override
    GuestSpec spec() {
        return GuestSpec.of("bookworm-amd64").memoryMiB(5 * 1024);
    }

    @Override
    List<ImageFormat> formats() {
        // Not RAW and LIME, which the tests make from RAM in one piece.
        return List.of(ImageFormat.ELF, ImageFormat.KDUMP);
    }
}
