// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/** The words that could have been meant. */
final class Suggestions {
    private static final int MOST = 3;

    private Suggestions() {
    }

    static List<String> near(String word, Set<String> known) {
        List<String> near = new ArrayList<>();
        for (String candidate : known) {
            if (candidate.startsWith(word) || word.startsWith(candidate)
                    || distance(word, candidate) <= Math.max(1, candidate.length() / 3)) {
                near.add(candidate);
            }
        }
        near.sort(Comparator.comparingInt(candidate -> distance(word, candidate)));
        return near.subList(0, Math.min(MOST, near.size()));
    }

    /** How many letters must be changed, added or left out to make one word of the other (Levenshtein). */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int substitute = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(substitute, 1 + Math.min(diagonal, row[j - 1]));
            }
        }
        return row[b.length()];
    }
}
