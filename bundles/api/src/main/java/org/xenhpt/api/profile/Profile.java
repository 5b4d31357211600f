// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

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
            tag = member.type().replaceFirst("^(const |volatile )*(struct |union )?", "");
        }
        return Optional.empty();
    }

    /**
     * Puts together what two sources tell of the same kernel build: layouts from one file, symbols from another. Where
     * both tell something, this profile's word counts; only layouts of the same size are joined member by member.
     *
     * @throws HptException {@code BAD_PROFILE} when they are of different kernels
     */
    public Profile merge(Profile other) {
        KernelMatch mine = kernel;
        KernelMatch theirs = other.kernel;
        if (mine.architecture() != theirs.architecture()) {
            throw differ(other, "architecture", mine.architecture().label(), theirs.architecture().label());
        }
        KernelMatch both = new KernelMatch(mine.architecture(),
                same(other, "release", mine.release(), theirs.release()),
                same(other, "banner", mine.banner(), theirs.banner()),
                same(other, "build id", mine.buildId(), theirs.buildId()));
        Map<String, Long> allSymbols = new TreeMap<>(other.symbols);
        allSymbols.putAll(symbols);
        Map<String, Long> allConstants = new TreeMap<>(other.constants);
        allConstants.putAll(constants);
        Map<String, StructLayout> allStructs = new TreeMap<>(other.structs);
        structs.forEach((tag, layout) -> allStructs.merge(tag, layout, (their, my) -> my.join(their)));
        String mergedName = name.isEmpty() ? other.name : name;
        return new Profile(mergedName, both, origin.and(other.origin), allSymbols, allStructs, allConstants);
    }

    private String same(Profile other, String what, String mine, String theirs) {
        if (mine.isEmpty() || theirs.isEmpty() || mine.equals(theirs)) {
            return mine.isEmpty() ? theirs : mine;
        }
        throw differ(other, what, mine, theirs);
    }

    private HptException differ(Profile other, String what, String mine, String theirs) {
        return new HptException(Step.PROFILE, Reason.BAD_PROFILE, other.origin.from(), "is of another kernel than "
                + origin.from() + ": " + what + " '" + theirs + "', not '" + mine + "'")
                .next("give files of one kernel build");
    }
}
