// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

/** Text that somebody else wrote into a jar, made harmless for a terminal and for a log of lines. */
final class Plain {
    private static final int LONGEST = 200;

    private Plain() {
    }

    static String text(String foreign) {
        String start = foreign.length() > LONGEST ? foreign.substring(0, LONGEST) + "..." : foreign;
        // What moves the cursor, breaks the line, or reorders or hides other text is none of these.
        return start.replaceAll("[^\\x20-\\x7e\\p{L}\\p{N}]", "?");
    }
}
