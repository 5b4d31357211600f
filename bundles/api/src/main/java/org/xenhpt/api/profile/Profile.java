// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What is known of one kernel build. Immutable.
 *
 * @param name      of the profile: its file's name without the ending, or the kernel's release
 * @param kernel    by what the build is recognised
 * @param origin    where the knowledge comes from
 * @param symbols   link addresses as System.map lists them, not moved by KASLR
 * @param structs   layouts by tag, without {@code struct} or {@code union}
 * @param constants values of enumerators and macros by name
 */
public record Profile(String name, KernelMatch kernel, Origin origin, Map<String, Long> symbols,
        Map<String, StructLayout> structs, Map<String, Long> constants) {
    public Profile {
        symbols = Collections.unmodifiableMap(new TreeMap<>(symbols));
        structs = Collections.unmodifiableMap(new TreeMap<>(structs));
        constants = Collections.unmodifiableMap(new TreeMap<>(constants));
    }

    /**
     * A member by its path: {@code se.sum_exec_runtime} of {@code task_struct} goes through the structure that is the type
     * of {@code se}; its offset is from the start of {@code task_struct}.
     */
    public Optional<Member> member(String struct, String path) {
        int offset = 0;
        String tag = struct;
        String[] names = path.split("\\.");
        for (int i = 0; i < names.length; i++) {
            StructLayout layout = structs.get(tag);
            Member member = layout == null ? null : layout.members().get(names[i]);
            if (member == null) {
                return Optional.empty();
            }
            offset += member.offset();
            if (i == names.length - 1) {
                return Optional.of(new Member(offset, member.size(), member.type()));
            }
            tag = member.type().replaceFirst("^(struct|union) ", "");
        }
        return Optional.empty();
    }
}
