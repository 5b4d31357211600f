// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

/** PAE paging. */
class I386PaeTest extends I386Contract {
    @Override
    String kernel() {
        return "bookworm-686-pae";
    }

    @Override
    String paging() {
        return "PAE";
    }
}
