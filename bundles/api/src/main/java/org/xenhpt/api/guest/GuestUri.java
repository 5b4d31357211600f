// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.guest;

import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/**
 * Names a guest: {@code xen:web1}, {@code qemu:/run/vm.qmp}, {@code file:dump.elf}.
 *
 * @param scheme picks the backend; lower case letters, digits, '+', '-', '.'
 * @param name   what the backend makes of it: a name, a number, a path
 */
public record GuestUri(String scheme, String name) {

    public GuestUri {
        if (!isScheme(scheme) || name.isEmpty()) {
            throw new HptException(Step.COMMAND, Reason.USAGE, scheme + ":" + name, "not a guest's name")
                    .next("write SCHEME:NAME, as in xen:web1, qemu:/run/vm.qmp, file:dump.elf");
        }
    }

    private static boolean isScheme(String text) {
        return !text.isEmpty() && text.charAt(0) >= 'a' && text.charAt(0) <= 'z'
                && text.chars().allMatch(c -> c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || "+-.".indexOf(c) >= 0);
    }

    /** Reads {@code SCHEME:NAME}. */
    public static GuestUri parse(String text) {
        int colon = text.indexOf(':');
        return colon < 0 ? new GuestUri("", text) : new GuestUri(text.substring(0, colon), text.substring(colon + 1));
    }

    @Override
    public String toString() {
        return scheme + ":" + name;
    }
}
