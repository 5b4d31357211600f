// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.util.Collection;

/** What somebody who wrote a word wrong probably meant. */
final class Hint {
    private static final int LONGEST_WORD = 40;

    private Hint() {
    }

    /** {@code ; did you mean X?} when a known word is near, else the list of the known words. */
    static String nearest(String word, Collection<String> known) {
        String best = "";
        int distance = 3;
        for (String candidate : known) {
            int d = word.length() > LONGEST_WORD ? distance : distance(word, candidate);
            if (d < distance && d < candidate.length()) {
                distance = d;
                best = candidate;
            }
        }
        return best.isEmpty() ? "; known here: " + String.join(", ", known) : "; did you mean '" + best + "'?";
    }

    /** Levenshtein's distance. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int change = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(change, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
