// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.StructLayout;

/** Picks from a source's structures what is wanted, follows paths into inner ones, and flattens anonymous ones. */
final class LayoutCollector {
    private static final int DEEPEST = 16;
    private static final int MOST_MEMBERS = 20_000;
    private static final long LARGEST = 1L << 28;

    private record Flat(long offset, CType type) {
    }

    private final SourceFile file;
    private final Function<String, Optional<StructDef>> source;
    private final Map<String, Map<String, Flat>> flattened = new HashMap<>();
    private final Map<String, Map<String, Member>> picked = new TreeMap<>();
    private final Map<String, Long> sizes = new HashMap<>();

    private LayoutCollector(SourceFile file, Function<String, Optional<StructDef>> source) {
        Map<String, Optional<StructDef>> known = new HashMap<>();
        this.file = file;
        this.source = key -> known.computeIfAbsent(key, source);
    }

    /**
     * @param source gives a structure by {@link CType.Named#struct()}; what it does not know is left out
     * @param all    the names of all structures, for who wants them all
     */
    static Map<String, StructLayout> collect(SourceFile file, Needs needs, Function<String, Optional<StructDef>> source,
            Collection<String> all) {
        LayoutCollector collector = new LayoutCollector(file, source);
        for (String need : needs.members()) {
            int dot = need.indexOf('.');
            if (need.equals("*.*")) {
                all.forEach(tag -> collector.pick(tag, tag, "*", 0));
            } else if (dot > 0) {
                String tag = need.substring(0, dot);
                collector.pick(tag, tag, need.substring(dot + 1), 0);
            }
        }
        return collector.layouts();
    }

    private Map<String, StructLayout> layouts() {
        Map<String, StructLayout> layouts = new TreeMap<>();
        picked.forEach((tag, members) -> {
            Map<String, Member> ordered = new LinkedHashMap<>();
            members.entrySet().stream().sorted(Comparator.comparingInt((Map.Entry<String, Member> e) ->
                    e.getValue().offset()).thenComparing(Map.Entry::getKey))
                    .forEach(e -> ordered.put(e.getKey(), e.getValue()));
            layouts.put(tag, new StructLayout(sizes.get(tag).intValue(), ordered));
        });
        return layouts;
    }

    /**
     * @param tag  under which the profile knows the structure
     * @param key  under which the source knows it
     * @param path of the member wanted
     */
    private void pick(String tag, String key, String path, int depth) {
        Optional<StructDef> found = source.apply(key);
        if (found.isEmpty() || depth > DEEPEST) {
            return;
        }
        Map<String, Flat> members = flattened.computeIfAbsent(key, k -> flatten(tag, found.get()));
        picked.computeIfAbsent(tag, t -> new HashMap<>());
        sizes.put(tag, inBounds(tag, found.get().size()));
        if (path.equals("*")) {
            members.forEach((name, flat) -> {
                add(tag, name, flat);
                unnamed(flat.type).ifPresent(struct -> pick(given(tag, name), struct.struct(), "*", depth + 1));
            });
            return;
        }
        int dot = path.indexOf('.');
        String name = dot < 0 ? path : path.substring(0, dot);
        Flat flat = members.get(name);
        if (flat == null) {
            return;
        }
        add(tag, name, flat);
        if (dot > 0 && flat.type instanceof CType.Named struct && !struct.struct().isEmpty()) {
            pick(struct.named() ? struct.struct() : given(tag, name), struct.struct(), path.substring(dot + 1),
                    depth + 1);
        }
    }

    private void add(String tag, String name, Flat flat) {
        long struct = sizes.get(tag);
        long firstByte = flat.type instanceof CType.Bits bits ? bits.position() / 8 : 0;
        long offset = inBounds(tag + "." + name, flat.offset + inBounds(tag + "." + name, firstByte));
        long size = inBounds(tag + "." + name, flat.type.size());
        if (offset + size > struct) {
            throw file.bad("member " + name + " of " + tag + " ends at byte " + (offset + size) + ", and " + tag
                    + " has only " + struct);
        }
        String text = flat.type.text();
        if (unnamed(flat.type).isPresent()) {
            text = text.replace(CType.NO_NAME, given(tag, name));
        }
        picked.get(tag).put(name, new Member((int) offset, (int) size, text));
    }

    /** The tag that a profile gives to the structure without one that is the type of a member. */
    private static String given(String tag, String member) {
        return tag + "__" + member;
    }

    /** The structure without a name that a type is, or is an array of. */
    private static Optional<CType.Named> unnamed(CType type) {
        CType element = type;
        while (element instanceof CType.Array array) {
            element = array.element();
        }
        return element instanceof CType.Named struct && !struct.struct().isEmpty() && !struct.named()
                ? Optional.of(struct) : Optional.empty();
    }

    private long inBounds(String what, long bytes) {
        if (bytes < 0 || bytes > LARGEST) {
            throw file.bad("the size or offset of " + what + " is impossible: " + bytes);
        }
        return bytes;
    }

    private Map<String, Flat> flatten(String tag, StructDef struct) {
        Map<String, Flat> members = new LinkedHashMap<>();
        flatten(tag, struct.fields(), 0, members, 0, new int[1]);
        return members;
    }

    private void flatten(String tag, List<StructDef.Field> fields, long base, Map<String, Flat> into, int depth,
            int[] seen) {
        for (StructDef.Field field : fields) {
            if (++seen[0] > MOST_MEMBERS) {
                throw file.bad(tag + " has more than " + MOST_MEMBERS + " members, as no structure of a kernel has");
            }
            long offset = base + inBounds(tag + "." + field.name(), field.offset());
            CType type = field.type();
            if (Names.isUsable(field.name())) {
                into.putIfAbsent(field.name(), new Flat(offset, type));
            } else if (field.name().isEmpty() && type instanceof CType.Named inner && !inner.struct().isEmpty()
                    && depth < DEEPEST) {
                source.apply(inner.struct()).ifPresent(def ->
                        flatten(tag, def.fields(), offset, into, depth + 1, seen));
            }
        }
    }
}
