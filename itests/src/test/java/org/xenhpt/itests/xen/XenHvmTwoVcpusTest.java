// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.xen;

import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;

/** An HVM guest with two vCPUs and a newer kernel. */
@Tag("xen-more")
@Order(4)
class XenHvmTwoVcpusTest extends XenGuestContract {
    @Override
    XenSpec spec() {
        return new XenSpec("two", XenSpec.Kind.HVM, "trixie-amd64", 2);
    }
}
