// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import org.xenhpt.itests.guest.GuestSpec;

/** Four vCPUs on the newest kernel. */
class FourVcpusNewestTest extends GuestContract {
    @Override
    GuestSpec spec() {
        return GuestSpec.of("sid-amd64").cpus(4);
    }
}
