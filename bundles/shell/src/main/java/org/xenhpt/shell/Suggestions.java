// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;

/** The words that could have been meant. */
final class Suggestions {
    private static final int MOST = 3;
    private static final int LONGEST = 40;

    private Suggestions() {
    }

    static List<String> near(String word, Set<String> known) {
        if (word.length() > LONGEST) {
            return List.of();
        }
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

    /** How many letters must be changed, added, left out or swapped to make one word of the other. */
    private static int distance(String a, String b) {
        int[][] rows = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    rows[i][j] = i + j;
                    continue;
                }
                int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                rows[i][j] = Math.min(rows[i - 1][j - 1] + change, 1 + Math.min(rows[i - 1][j], rows[i][j - 1]));
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
                }
            }
        }
        return rows[a.length()][b.length()];
    }
}
