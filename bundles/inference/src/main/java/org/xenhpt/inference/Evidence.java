// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

/**
 * Why a member is believed to be where it was found.
 *
 * @param struct the structure's tag
 * @param member its name
 * @param offset in bytes from the structure's start
 * @param agreed how many of those asked bear it out
 * @param asked  how many tasks (or what {@code by} names) were asked
 * @param by     what they agree on, in a clause
 */
record Evidence(String struct, String member, int offset, int agreed, int asked, String by) {
    double share() {
        return asked == 0 ? 0 : (double) agreed / asked;
    }

    @Override
    public String toString() {
        return struct + "." + member + " at 0x" + Integer.toHexString(offset) + ": " + agreed + " of " + asked + ": "
                + by;
    }
}
