// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.xen;

import java.io.IOException;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** An HVM guest, its page tables nested in Xen's. */
@Tag("xen")
@Order(1)
class XenHvmTest extends XenGuestContract {
    @Override
    XenSpec spec() {
        return new XenSpec("hvm", XenSpec.Kind.HVM, "bookworm-amd64", 1);
    }

    @Test
    @Order(9)
    void listsATaskListThatChanges() throws IOException {
        listsATaskListThatChanges(500);
    }
}
