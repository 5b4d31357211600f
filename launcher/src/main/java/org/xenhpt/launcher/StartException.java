// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

/** The platform does not come up; the message says why, in one line. */
final class StartException extends Exception {
    private static final long serialVersionUID = 1L;

    StartException(String message) {
        super(message);
    }

    StartException(String message, Throwable cause) {
        super(message, cause);
    }
}
