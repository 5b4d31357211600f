// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

/** The user does not want the answer any more. */
public final class InterruptedCommand extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public InterruptedCommand() {
        super("interrupted", null, false, false);
    }
}
