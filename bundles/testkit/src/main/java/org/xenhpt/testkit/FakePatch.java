// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.testkit;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.StructLayout;

/**
 * What somebody changed in a kernel: members renamed, moved and added, for a {@link FakeLinux} whose kernel is not the plain
 * one. Members are named by their plain names; that two of them do not lie one over the other is checked.
 */
public final class FakePatch {
    private final String release;
    private final Map<String, String> renamed = new HashMap<>();
    private final Map<String, Integer> moved = new LinkedHashMap<>();
    private final Map<String, Member> added = new LinkedHashMap<>();

    /** @param release of the kernel, as {@code uname -r} prints it */
    public FakePatch(String release) {
        this.release = release;
    }

    String release() {
        return release;
    }

    /** Gives a member another name. */
    public FakePatch rename(String struct, String member, String name) {
        renamed.put(struct + "." + member, name);
        return this;
    }

    /** Puts a member to another offset, in bytes. */
    public FakePatch move(String struct, String member, int offset) {
        moved.put(struct + "." + member, offset);
        return this;
    }

    /**
     * Adds a member, which reads as zero until the test writes it ({@link FakeLinux#put}).
     *
     * @param offset in bytes, below 0x400 in {@code task_struct}
     * @param size   in bytes
     * @param type   the C type
     */
    public FakePatch add(String struct, String member, int offset, int size, String type) {
        added.put(struct + "." + member, new Member(offset, size, type));
        return this;
    }

    /** The layouts after the change, by plain names. */
    Map<String, StructLayout> apply(Map<String, StructLayout> plain) {
        Map<String, StructLayout> all = new LinkedHashMap<>(plain);
        moved.forEach((path, offset) -> {
            Member old = there(all, path);
            put(all, path, new Member(offset, old.size(), old.type()));
        });
        added.forEach((path, member) -> put(all, path, member));
        renamed.keySet().forEach(path -> there(all, path));
        all.forEach(FakePatch::check);
        return Collections.unmodifiableMap(all);
    }

    private static Member there(Map<String, StructLayout> layouts, String path) {
        String[] parts = path.split("\\.", 2);
        StructLayout layout = layouts.get(parts[0]);
        if (layout == null || !layout.members().containsKey(parts[1])) {
            throw new IllegalArgumentException("the fake kernel has no " + path);
        }
        return layout.members().get(parts[1]);
    }

    private static void put(Map<String, StructLayout> layouts, String path, Member member) {
        String[] parts = path.split("\\.", 2);
        StructLayout layout = layouts.get(parts[0]);
        if (layout == null) {
            throw new IllegalArgumentException("the fake kernel has no struct " + parts[0] + ", only "
                    + layouts.keySet());
        }
        Map<String, Member> members = new LinkedHashMap<>(layout.members());
        members.put(parts[1], member);
        layouts.put(parts[0], new StructLayout(layout.size(), members));
    }

    private static void check(String struct, StructLayout layout) {
        List<Map.Entry<String, Member>> ordered = new ArrayList<>(layout.members().entrySet());
        ordered.sort((a, b) -> Integer.compare(a.getValue().offset(), b.getValue().offset()));
        int end = 0;
        for (Map.Entry<String, Member> member : ordered) {
            if (member.getValue().offset() < end) {
                throw new IllegalArgumentException(struct + "." + member.getKey() + " lies over the member before it");
            }
            end = member.getValue().offset() + member.getValue().size();
        }
        if (end > layout.size()) {
            throw new IllegalArgumentException(struct + " has " + layout.size() + " bytes, not " + end);
        }
    }

    /** The layouts as the kernel's own words have them. */
    Map<String, StructLayout> inItsOwnWords(Map<String, StructLayout> layouts) {
        Map<String, StructLayout> all = new LinkedHashMap<>();
        layouts.forEach((struct, layout) -> {
            Map<String, Member> members = new LinkedHashMap<>();
            layout.members().forEach((name, member) ->
                    members.put(renamed.getOrDefault(struct + "." + name, name), member));
            all.put(struct, new StructLayout(layout.size(), members));
        });
        return all;
    }
}
