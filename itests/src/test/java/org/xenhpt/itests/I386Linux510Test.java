// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

/** 32-bit paging without PAE, Linux 5.10. */
class I386Linux510Test extends I386Contract {
    @Override
    String kernel() {
        return "bullseye-686";
    }

    @Override
    String paging() {
        return "32-bit";
    }
}
