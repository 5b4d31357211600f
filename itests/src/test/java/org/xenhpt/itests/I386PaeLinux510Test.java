// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

/** PAE paging, Linux 5.10. */
class I386PaeLinux510Test extends I386Contract {
    @Override
    String kernel() {
        return "bullseye-686-pae";
    }

    @Override
    String paging() {
        return "PAE";
    }
}
