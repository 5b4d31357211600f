// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

/** 32-bit paging without PAE. */
class I386Test extends I386Contract {
    @Override
    String kernel() {
        return "bookworm-686";
    }

    @Override
    String paging() {
        return "32-bit";
    }
}
