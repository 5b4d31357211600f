// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.util.ArrayList;
import java.util.List;
import org.xenhpt.api.profile.ProfileProblem;
import org.yaml.snakeyaml.error.Mark;

/** The problems of one file, in the order in which they were met. */
final class Problems {
    /** A file that is not a profile at all would otherwise give a problem for each of its lines. */
    private static final int LIMIT = 100;

    /** Enough was found: reading on would tell nobody more. */
    static final class TooMany extends RuntimeException {
        private static final long serialVersionUID = 1L;

        TooMany() {
            super(null, null, false, false);
        }
    }

    private final String file;
    private final List<ProfileProblem> found = new ArrayList<>();

    Problems(String file) {
        this.file = file;
    }

    void add(String message) {
        add(0, 0, message);
    }

    /** @param at SnakeYAML counts lines and columns from 0 */
    void add(Mark at, String message) {
        add(at.getLine() + 1, at.getColumn() + 1, message);
    }

    void add(int line, int column, String message) {
        if (found.size() == LIMIT) {
            found.add(new ProfileProblem(file, line, column, "more than " + LIMIT + " problems: reading stops here"));
            throw new TooMany();
        }
        found.add(new ProfileProblem(file, line, column, message));
    }

    boolean none() {
        return found.isEmpty();
    }

    int count() {
        return found.size();
    }

    List<ProfileProblem> list() {
        return List.copyOf(found);
    }
}
