// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

/** Linux's numbers of the errors that mean something here. */
final class Errno {
    static final int EPERM = 1;
    static final int ENOENT = 2;
    static final int ESRCH = 3;
    static final int EACCES = 13;

    private Errno() {
    }

    static boolean isRefusal(int errno) {
        return errno == EPERM || errno == EACCES;
    }
}
