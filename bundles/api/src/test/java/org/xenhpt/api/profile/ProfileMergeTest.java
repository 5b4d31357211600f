// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.kernel.Architecture;

class ProfileMergeTest {
    private static final Profile LAYOUTS = new Profile("vmlinux.btf",
            new KernelMatch(Architecture.X86_64, "", "Linux version 6.1", ""),
            new Origin("btf", "vmlinux.btf", "2026-11-20"),
            Map.of("a", 1L), Map.of("t", layout(64, "late", 32)), Map.of("C", 1L));
    private static final Profile SYMBOLS = new Profile("6.1",
            new KernelMatch(Architecture.X86_64, "6.1", "", "aa"),
            new Origin("system-map", "System.map-6.1", "2026-11-21"),
            Map.of("a", 2L, "b", 3L), Map.of("t", layout(64, "early", 8), "u", layout(4, "x", 0)),
            Map.of("C", 2L, "D", 4L));

    private static StructLayout layout(int size, String member, int offset) {
        return new StructLayout(size, Map.of(member, new Member(offset, 4, "int")));
    }

    @Test
    void putsTogetherWhatBothTell() {
        Profile both = LAYOUTS.merge(SYMBOLS);
        assertThat(both.name()).isEqualTo("vmlinux.btf");
        assertThat(both.kernel()).isEqualTo(new KernelMatch(Architecture.X86_64, "6.1", "Linux version 6.1", "aa"));
        assertThat(both.origin()).isEqualTo(
                new Origin("btf + system-map", "vmlinux.btf + System.map-6.1", "2026-11-21"));
        assertThat(both.symbols()).isEqualTo(Map.of("a", 1L, "b", 3L));
        assertThat(both.constants()).isEqualTo(Map.of("C", 1L, "D", 4L));
        assertThat(both.structs()).containsOnlyKeys("t", "u");
        assertThat(both.structs().get("t").members().keySet()).containsExactly("early", "late");
        assertThat(SYMBOLS.merge(LAYOUTS).symbols()).containsEntry("a", 2L);
        assertThat(both.merge(SYMBOLS).structs()).isEqualTo(both.structs());
    }

    @Test
    void doesNotMixLayoutsOfDifferentSize() {
        Profile other = new Profile("x", LAYOUTS.kernel(), LAYOUTS.origin(), Map.of(),
                Map.of("t", layout(72, "early", 8)), Map.of());
        assertThat(LAYOUTS.merge(other).structs().get("t")).isEqualTo(layout(64, "late", 32));
    }

    @Test
    void refusesOtherKernels() {
        Map<String, KernelMatch> others = new LinkedHashMap<>();
        others.put("architecture 'i386', not 'x86-64'", new KernelMatch(Architecture.I386, "6.1", "", ""));
        others.put("release '6.2', not '6.1'", new KernelMatch(Architecture.X86_64, "6.2", "", ""));
        others.put("build id 'bb', not 'aa'", new KernelMatch(Architecture.X86_64, "", "", "bb"));
        others.forEach((message, match) -> {
            Profile other = new Profile("x", match, new Origin("isf", "x.json", ""), Map.of(), Map.of(), Map.of());
            assertThatThrownBy(() -> SYMBOLS.merge(other)).isInstanceOfSatisfying(HptException.class,
                    e -> assertThat(e.reason()).isEqualTo(Reason.BAD_PROFILE))
                    .hasMessageContaining("x.json: is of another kernel than System.map-6.1: " + message);
        });
    }

    @Test
    void needsCanBeForAll() {
        assertThat(Needs.ALL.wantsSymbol("any")).isTrue();
        assertThat(Needs.ALL.wantsConstant("any")).isTrue();
        Needs some = new Needs(Set.of("a"), Set.of("t.x")).and(new Needs(Set.of(), Set.of("t.y"), Set.of("C")));
        assertThat(some.members()).containsExactlyInAnyOrder("t.x", "t.y");
        assertThat(some.wantsSymbol("a")).isTrue();
        assertThat(some.wantsSymbol("b")).isFalse();
        assertThat(some.wantsConstant("C")).isTrue();
        assertThat(Needs.NONE.wantsConstant("C")).isFalse();
    }
}
