// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

/**
 * Where the knowledge in a profile comes from.
 *
 * @param source     the kind of source: {@code guest-memory}, {@code btf}, {@code system-map}, {@code isf},
 *                   {@code volatility2}, {@code inference}, {@code hand}
 * @param from       the file or guest it was made from, as people read it; for what was inferred, also what bears it
 *                   out
 * @param made       the day, ISO 8601
 * @param confidence how sure it is, from 0 to 1: 1 for what a build says of itself, less for what was concluded.
 *                   Results that rest on less than 1 are shown as such
 * @param proof      by what the source that made it knows its guest's memory again
 *                   ({@link ProfileSource#confirm}); its own words, unlike those of any other time that it learnt
 *                   something. The boot that it was learnt of is not asked again by the same proof. Empty when there
 *                   is none
 */
public record Origin(String source, String from, String made, double confidence, String proof) {
    public Origin {
        if (!(confidence >= 0 && confidence <= 1)) {
            throw new IllegalArgumentException("confidence " + confidence);
        }
    }

    /** Without a proof. */
    public Origin(String source, String from, String made, double confidence) {
        this(source, from, made, confidence, "");
    }

    /** Of what is certain. */
    public Origin(String source, String from, String made) {
        this(source, from, made, 1);
    }

    /** The origin of what was put together from both. */
    public Origin and(Origin other) {
        String day = made.compareTo(other.made) >= 0 ? made : other.made;
        return new Origin(joined(source, other.source), joined(from, other.from), day,
                Math.min(confidence, other.confidence));
    }

    private static String joined(String a, String b) {
        return a.equals(b) || b.isEmpty() ? a : a.isEmpty() ? b : a + " + " + b;
    }
}
