// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The layout of a structure or union. One without a tag of its own is known by the name that a typedef gives it
 * ({@code atomic_t}), or else by where it stands: {@code dentry__d_u} is the type of the member {@code d_u} of
 * {@code struct dentry}.
 *
 * @param size    in bytes
 * @param members by name, in the order of their offsets; not necessarily all
 */
public record StructLayout(int size, Map<String, Member> members) {
    public StructLayout {
        members = Collections.unmodifiableMap(new LinkedHashMap<>(members));
    }

    /** This layout, with the members that only the other one knows; this one alone when their sizes differ. */
    StructLayout join(StructLayout other) {
        if (size != other.size || members.keySet().containsAll(other.members.keySet())) {
            return this;
        }
        Map<String, Member> all = new LinkedHashMap<>(members);
        other.members.forEach(all::putIfAbsent);
        Map<String, Member> ordered = new LinkedHashMap<>();
        all.entrySet().stream().sorted(Comparator.comparingInt(e -> e.getValue().offset()))
                .forEach(e -> ordered.put(e.getKey(), e.getValue()));
        return new StructLayout(size, ordered);
    }
}
