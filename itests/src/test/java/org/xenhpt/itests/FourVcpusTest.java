// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import org.xenhpt.itests.guest.GuestSpec;

/** Four vCPUs, kernel page-table isolation, and RAM that only /proc/PID/mem reaches. */
class FourVcpusTest extends GuestContract {
    @Override
    GuestSpec spec() {
        return GuestSpec.of("trixie-amd64").cpus(4).ram(GuestSpec.Ram.PRIVATE).append("pti=on");
    }
}
