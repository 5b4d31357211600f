// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.kernel;

/**
 * Something that was met on the way to knowing a guest's kernel, whether it was believed or not: a line of
 * {@code hpt identify --explain}.
 *
 * @param verdict what was made of it
 * @param what    such as {@code BTF}, {@code VMCOREINFO of 6.1.0-50-amd64}, {@code task_struct.pid}
 * @param where   a GPA, GVA or offset, as people read it; may be empty
 * @param why     why it was believed or rejected, in a clause
 * @param agreed  of something that tasks were asked about, how many bear it out; -1 where nobody was asked
 * @param asked   how many were asked; -1 where nobody was
 */
public record Clue(Verdict verdict, String what, String where, String why, int agreed, int asked) {
    /** What was made of a clue. */
    public enum Verdict {
        /** It was believed. */
        FOUND,
        /** It was there, and not believed. */
        REJECTED,
        /** It was looked for, and is not there. */
        MISSING
    }

    /** One about which nobody was asked. */
    public Clue(Verdict verdict, String what, String where, String why) {
        this(verdict, what, where, why, -1, -1);
    }
}
