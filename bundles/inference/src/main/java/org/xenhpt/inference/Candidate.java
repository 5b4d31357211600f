// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/** An offset at which something may be, and how many of those asked bear it out. */
record Candidate(int offset, int agreed, int asked) {

    /** Whether agreement is as good as can be had of a guest that changes while it is read: all but one in twenty. */
    boolean convinces() {
        return asked > 0 && agreed >= asked - asked / 20;
    }

    /** How many of those asked bear it out. */
    static <T> Candidate ask(int offset, Collection<T> asked, Predicate<T> agrees) {
        int agreed = 0;
        for (T one : asked) {
            if (agrees.test(one)) {
                agreed++;
            }
        }
        return new Candidate(offset, agreed, asked.size());
    }

    /** What an offset would mean for one of those asked. */
    interface Rule<T> {
        boolean holds(T one, int offset);
    }

    /** All convincing offsets, the best first; of equals the lower first. */
    static <T> List<Candidate> search(int from, int to, int step, Collection<T> asked, Rule<T> rule) {
        List<Candidate> found = new ArrayList<>();
        int allowed = asked.size() / 20;
        for (int offset = from; offset < to; offset += step) {
            int wrong = 0;
            for (T one : asked) {
                if (!rule.holds(one, offset) && ++wrong > allowed) {
                    break;
                }
            }
            if (wrong <= allowed && !asked.isEmpty()) {
                found.add(new Candidate(offset, asked.size() - wrong, asked.size()));
            }
        }
        found.sort((a, b) -> b.agreed - a.agreed);
        return found;
    }

    /** The one that has most on its side; empty when two have equally much, since then neither is known. */
    static Optional<Candidate> only(List<Candidate> candidates) {
        if (candidates.isEmpty() || candidates.size() > 1 && candidates.get(1).agreed == candidates.get(0).agreed) {
            return Optional.empty();
        }
        return Optional.of(candidates.get(0));
    }
}
