// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.xen;

import java.io.IOException;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A PVH guest. */
@Tag("xen")
@Order(3)
class XenPvhTest extends XenGuestContract {
    @Override
    XenSpec spec() {
        return new XenSpec("pvh", XenSpec.Kind.PVH, "trixie-amd64", 1);
    }

    @Test
    @Order(9)
    void listsATaskListThatChanges() throws IOException {
        listsATaskListThatChanges(500);
    }
}
