// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.btf;

/** Bytes that are not BTF, or are damaged. The message is a clause that says how. */
public final class BtfException extends Exception {
    private static final long serialVersionUID = 1L;

    BtfException(String message) {
        super(message);
    }
}
