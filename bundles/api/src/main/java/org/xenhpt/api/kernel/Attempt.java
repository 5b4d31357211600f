// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.kernel;

import java.util.List;

/**
 * One source of knowledge on the ladder that is climbed to know a guest's kernel, and what came of it.
 *
 * @param source     what people call it: {@code profiles folder}
 * @param outcome    what came of it
 * @param confidence how sure it was, from 0 to 1; 0 where it told nothing
 * @param detail     why, in a clause; may be empty
 * @param clues      what it met, in order
 */
public record Attempt(String source, Outcome outcome, double confidence, String detail, List<Clue> clues) {
    /** What came of asking a source. */
    public enum Outcome {
        /** The answer rests on it. */
        USED,
        /** It told something that was not believed, or that no decoder can use. */
        REJECTED,
        /** It does not know this kernel. */
        UNKNOWN,
        /** One before it knew. */
        NOT_ASKED
    }

    public Attempt {
        clues = List.copyOf(clues);
    }
}
