// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.xen;

/** An HVM guest with two vCPUs and a newer kernel. */
class XenHvmTwoVcpusTest extends XenGuestContract {
    @Override
    XenSpec spec() {
        return new XenSpec("two", XenSpec.Kind.HVM, "trixie-amd64", 2);
    }
}
