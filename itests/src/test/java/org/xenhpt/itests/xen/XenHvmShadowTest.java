// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.xen;

import java.io.IOException;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIfEnvironmentVariable;

/** An HVM guest, its page tables shadowed by Xen, as on the paper's machine. */
@DisabledIfEnvironmentVariable(named = "HPT_XEN", matches = "trixie",
        disabledReason = "Debian builds Xen 4.20 without shadow paging")
@Tag("xen")
@Order(2)
class XenHvmShadowTest extends XenGuestContract {
    @Override
    XenSpec spec() {
        return new XenSpec("shadow", XenSpec.Kind.HVM_SHADOW, "bookworm-amd64", 1);
    }

    @Test
    @Order(9)
    void listsATaskListThatChanges() throws IOException {
        listsATaskListThatChanges(500);
    }
}
