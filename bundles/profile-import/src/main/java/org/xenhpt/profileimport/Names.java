// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

/** Which names a profile can hold. Symbol tables have odd ones (empty, with control characters) that mean nothing. */
final class Names {
    /** The kernel's KSYM_NAME_LEN. */
    private static final int LONGEST = 512;

    private Names() {
    }

    static boolean isUsable(String name) {
        if (name.isEmpty() || name.length() > LONGEST) {
            return false;
        }
        for (int i = 0; i < name.length(); i++) {
            char c = name.charAt(i);
            if (Character.isISOControl(c) || Character.isSurrogate(c) || c == '\ufffd') {
                return false;
            }
        }
        return true;
    }
}
