// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

/** Carries what a listener of progress threw, or the end of a call that nobody waits for, through other bundles' code. */
final class Unwound extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final transient RuntimeException thrown;

    Unwound(RuntimeException thrown) {
        super(null, thrown, false, false);
        this.thrown = thrown;
    }

    RuntimeException thrown() {
        return thrown;
    }
}
