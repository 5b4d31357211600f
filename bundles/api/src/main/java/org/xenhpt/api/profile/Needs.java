// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

import java.util.Set;
import java.util.TreeSet;

/**
 * What a decoder wants to know of a kernel. Wanting is not insisting: kernels differ, and a decoder that lacks something
 * it cannot do without says so when it is attached.
 *
 * @param symbols names
 * @param members {@code struct.member}, such as {@code task_struct.pid}; {@code struct.*} for all members
 */
public record Needs(Set<String> symbols, Set<String> members) {
    public static final Needs NONE = new Needs(Set.of(), Set.of());

    public Needs {
        symbols = Set.copyOf(symbols);
        members = Set.copyOf(members);
    }

    /** Both together. */
    public Needs and(Needs other) {
        Set<String> allSymbols = new TreeSet<>(symbols);
        allSymbols.addAll(other.symbols);
        Set<String> allMembers = new TreeSet<>(members);
        allMembers.addAll(other.members);
        return new Needs(allSymbols, allMembers);
    }
}
