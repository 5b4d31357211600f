// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

import java.util.Set;
import java.util.TreeSet;

/**
 * What a decoder wants to know of a kernel. Wanting is not insisting: kernels differ, and a decoder that lacks
 * something it cannot do without says so when it is attached.
 *
 * @param symbols   names; {@code *} for all
 * @param members   {@code struct.member}, such as {@code task_struct.pid};
 *                  {@code task_struct.se.sum_exec_runtime} for a member of a structure inside it (both layouts are
 *                  given, so that {@link Profile#member} can follow the path); {@code struct.*} for all members;
 *                  {@code *.*} for all members of all structures
 * @param constants names of enumerators and macros; {@code *} for all
 */
public record Needs(Set<String> symbols, Set<String> members, Set<String> constants) {
    public static final Needs NONE = new Needs(Set.of(), Set.of());
    /** Whatever a source can tell. */
    public static final Needs ALL = new Needs(Set.of("*"), Set.of("*.*"), Set.of("*"));
    /**
     * By what the build of a profile can be recognised that has neither banner nor build id: variables whose addresses
     * differ from build to build, and the members of {@code init_task} that lead to them.
     */
    public static final Needs RECOGNITION = new Needs(Set.of("linux_banner", "init_task", "init_signals",
            "init_sighand", "init_files", "init_fs", "init_nsproxy", "init_cred", "init_thread_union"),
            Set.of("task_struct.comm", "task_struct.pid", "task_struct.tasks", "task_struct.signal",
                    "task_struct.sighand", "task_struct.files", "task_struct.fs", "task_struct.nsproxy",
                    "task_struct.cred", "task_struct.stack", "task_struct.thread_info"));

    public Needs {
        symbols = Set.copyOf(symbols);
        members = Set.copyOf(members);
        constants = Set.copyOf(constants);
    }

    /** Without constants. */
    public Needs(Set<String> symbols, Set<String> members) {
        this(symbols, members, Set.of());
    }

    public boolean wantsSymbol(String name) {
        return symbols.contains(name) || symbols.contains("*");
    }

    public boolean wantsConstant(String name) {
        return constants.contains(name) || constants.contains("*");
    }

    /** Both together. */
    public Needs and(Needs other) {
        return new Needs(union(symbols, other.symbols), union(members, other.members),
                union(constants, other.constants));
    }

    private static Set<String> union(Set<String> a, Set<String> b) {
        Set<String> all = new TreeSet<>(a);
        all.addAll(b);
        return all;
    }
}
