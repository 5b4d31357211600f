// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

/**
 * Where the knowledge in a profile comes from.
 *
 * @param source the kind of source: {@code guest-memory}, {@code btf}, {@code system-map}, {@code isf},
 *               {@code volatility2}, {@code hand}
 * @param from   the file or guest it was made from, as people read it
 * @param made   the day, ISO 8601
 */
public record Origin(String source, String from, String made) {
    /** The origin of what was put together from both. */
    public Origin and(Origin other) {
        String day = made.compareTo(other.made) >= 0 ? made : other.made;
        return new Origin(joined(source, other.source), joined(from, other.from), day);
    }

    private static String joined(String a, String b) {
        return a.equals(b) || b.isEmpty() ? a : a.isEmpty() ? b : a + " + " + b;
    }
}
