// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.StructLayout;

/**
 * Members that somebody renamed in a kernel of theirs: seen through {@link #plain}, that kernel has them under the names
 * that the kit's readers know. Members that were only moved need nothing: where they lie is the profile's to tell.
 *
 * @param members by {@code struct.member} as the changed kernel calls it, the plain name of the member
 */
public record Renames(Map<String, String> members) {
    public Renames {
        members = Map.copyOf(members);
        members.keySet().forEach(path -> {
            if (path.indexOf('.') <= 0 || path.endsWith(".")) {
                throw new IllegalArgumentException("not struct.member: " + path);
            }
        });
    }

    /** The changed kernel's own names, to be wanted of a profile. */
    public Needs needs() {
        return new Needs(Set.of(), members.keySet());
    }

    /** Whether this kernel has all of them. */
    public boolean fit(Kernel kernel) {
        return members.keySet().stream()
                .allMatch(path -> kernel.profile().member(struct(path), member(path)).isPresent());
    }

    /** The kernel under the plain names. What it has under a plain name already, and is something else, gives way. */
    public Kernel plain(Kernel kernel) {
        Profile profile = kernel.profile();
        Map<String, StructLayout> structs = new TreeMap<>(profile.structs());
        structs.replaceAll((tag, layout) -> {
            Map<String, Member> all = new LinkedHashMap<>();
            Map<String, Member> renamed = new LinkedHashMap<>();
            layout.members().forEach((name, member) -> {
                String plain = members.get(tag + "." + name);
                (plain == null ? all : renamed).put(plain == null ? name : plain, member);
            });
            all.putAll(renamed);
            return new StructLayout(layout.size(), all);
        });
        return new Kernel(kernel.identity(), new Profile(profile.name(), profile.kernel(), profile.origin(),
                profile.symbols(), structs, profile.constants()));
    }

    private static String struct(String path) {
        return path.substring(0, path.indexOf('.'));
    }

    private static String member(String path) {
        return path.substring(path.indexOf('.') + 1);
    }
}
