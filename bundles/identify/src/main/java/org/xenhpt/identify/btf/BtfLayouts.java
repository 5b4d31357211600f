// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.btf;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.StructLayout;
import org.xenhpt.identify.btf.Btf.Kind;

/**
 * Makes structure layouts of BTF, in the words of {@link StructLayout} and {@link Member}. Members of anonymous
 * structures and unions become their parent's. A named member whose type has no tag ({@code union {…} d_u;} in
 * {@code struct dentry}) is given one by where it stands, {@code dentry.d_u}, so that a path can go through it. A
 * typedef on the way is listed under its own name, as that is the type the source writes.
 */
public final class BtfLayouts {
    /** Typedefs, qualifiers and arrays in a row; kernels have fewer than ten. */
    private static final int MAX_DEPTH = 64;
    private static final int MAX_NESTING = 24;
    private static final int MAX_MEMBERS = 65_536;
    private static final int MAX_PATH = 8;
    private static final int MAX_NAMESAKES = 256;
    private static final int HASH_BITS = 14;
    private static final String EVERYTHING = "*.*";
    private static final Pattern QUALIFIERS = Pattern.compile("^(const |volatile )*(struct |union )?");
    private static final int MAX_PARAMETERS = 12;

    private final Btf btf;
    /** Types by the hash of their names: the first of each chain, and for each type the next. 0 ends a chain. */
    private final int[] heads = new int[1 << HASH_BITS];
    private final int[] next;
    private final Map<Integer, StructLayout> whole = new HashMap<>();
    /** Tags given to types without one. */
    private final Map<Integer, String> given = new HashMap<>();
    private final Map<String, Integer> givenIds = new HashMap<>();

    private final Map<String, Map<String, Member>> structs = new TreeMap<>();
    private final Map<String, Integer> sizes = new HashMap<>();
    private final Set<String> problems = new TreeSet<>();
    /** Members seen of the structure being read: anonymous ones may hold each other by the thousand. */
    private int visited;

    private BtfLayouts(Btf btf) {
        this.btf = btf;
        this.next = new int[btf.count() + 1];
        // From the last, so that chains are in the order of the types.
        for (int id = btf.count(); id > 0; id--) {
            switch (btf.kind(id)) {
                case STRUCT, UNION, TYPEDEF, ENUM, ENUM64 -> {
                    if (btf.hasName(id)) {
                        int slot = slot(btf.nameHash(id));
                        next[id] = heads[slot];
                        heads[slot] = id;
                    }
                }
                default -> {
                    // Not asked for by name.
                }
            }
        }
    }

    private static int slot(int hash) {
        return (hash ^ hash >>> HASH_BITS) & (1 << HASH_BITS) - 1;
    }

    /**
     * Reads what is wanted.
     *
     * @param members as {@link org.xenhpt.api.profile.Needs#members()}
     */
    public static BtfLayouts of(Btf btf, Collection<String> members) {
        BtfLayouts layouts = new BtfLayouts(btf);
        // Sorted, so that what is found does not depend on the order asked in.
        new TreeSet<>(members).forEach(layouts::add);
        return layouts;
    }

    /** Layouts with the members wanted, by tag. */
    public Map<String, StructLayout> structs() {
        Map<String, StructLayout> result = new TreeMap<>();
        structs.forEach((tag, members) -> {
            List<Map.Entry<String, Member>> sorted = new ArrayList<>(members.entrySet());
            sorted.sort(Map.Entry.<String, Member>comparingByValue((a, b) -> Integer.compare(a.offset(), b.offset()))
                    .thenComparing(Map.Entry.comparingByKey()));
            Map<String, Member> ordered = new LinkedHashMap<>();
            sorted.forEach(e -> ordered.put(e.getKey(), e.getValue()));
            result.put(tag, new StructLayout(sizes.get(tag), ordered));
        });
        return result;
    }

    /** Values of the enumerators wanted, by name. Of several with one name, the first. */
    public static Map<String, Long> constants(Btf btf, Predicate<String> wanted) {
        Map<String, Long> constants = new TreeMap<>();
        for (int id = 1; id <= btf.count(); id++) {
            if (btf.kind(id) == Kind.ENUM || btf.kind(id) == Kind.ENUM64) {
                for (int i = 0; i < btf.length(id); i++) {
                    String name = btf.enumeratorName(id, i);
                    if (wanted.test(name)) {
                        constants.putIfAbsent(name, btf.enumeratorValue(id, i));
                    }
                }
            }
        }
        return constants;
    }

    /** Types that contradict themselves and were left out. */
    public Set<String> problems() {
        return problems;
    }

    private void add(String need) {
        String[] path = need.split("\\.");
        if (need.equals(EVERYTHING)) {
            addEverything();
            return;
        }
        if (path.length < 2 || path.length > MAX_PATH) {
            return;
        }
        String tag = path[0];
        for (int i = 1; i < path.length; i++) {
            StructLayout layout = layout(tag, path[i]);
            if (layout == null) {
                return;
            }
            if (path[i].equals("*")) {
                addAll(tag, layout, 0);
                return;
            }
            Member member = layout.members().get(path[i]);
            if (member == null) {
                return;
            }
            put(tag, layout, path[i], member);
            tag = tagOf(member);
        }
    }

    /** All members, and those of their types that are known by where they stand alone. */
    private void addAll(String tag, StructLayout layout, int depth) {
        if (layout == null) {
            return;
        }
        layout.members().forEach((name, member) -> {
            put(tag, layout, name, member);
            String inner = tagOf(member);
            if (inner.equals(tag + "." + name) && depth < MAX_PATH) {
                addAll(inner, layout(inner, "*"), depth + 1);
            }
        });
    }

    private void addEverything() {
        for (int id = 1; id <= btf.count(); id++) {
            Kind kind = btf.kind(id);
            Kind resolved = btf.kind(resolve(id));
            boolean nameless = kind == Kind.TYPEDEF && !btf.hasName(resolve(id));
            if ((kind == Kind.STRUCT || kind == Kind.UNION || nameless)
                    && (resolved == Kind.STRUCT || resolved == Kind.UNION) && btf.hasName(id)
                    && !structs.containsKey(btf.name(id))) {
                addAll(btf.name(id), layout(btf.name(id), "*"), 0);
            }
        }
    }

    private static String tagOf(Member member) {
        return QUALIFIERS.matcher(member.type()).replaceFirst("");
    }

    private void put(String tag, StructLayout layout, String name, Member member) {
        sizes.putIfAbsent(tag, layout.size());
        structs.computeIfAbsent(tag, t -> new HashMap<>()).put(name, member);
    }

    private List<Integer> named(String name) {
        byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
        int hash = 0;
        for (byte b : bytes) {
            hash = hash * 31 + b;
        }
        List<Integer> ids = new ArrayList<>();
        for (int id = heads[slot(hash)]; id != 0 && ids.size() < MAX_NAMESAKES; id = next[id]) {
            if (btf.isNamed(id, bytes)) {
                ids.add(id);
            }
        }
        return ids;
    }

    /**
     * All of a structure, or null when there is none. Of several with one tag, the first that has the member wanted.
     */
    private StructLayout layout(String tag, String member) {
        StructLayout first = null;
        List<Integer> candidates = givenIds.containsKey(tag) ? List.of(givenIds.get(tag)) : named(tag);
        for (int id : candidates) {
            int struct = resolve(id);
            if (btf.kind(struct) != Kind.STRUCT && btf.kind(struct) != Kind.UNION) {
                continue;
            }
            StructLayout layout = whole.computeIfAbsent(struct, s -> read(s, tag));
            if (layout.members().containsKey(member)) {
                return layout;
            }
            first = first == null ? layout : first;
        }
        return first;
    }

    private StructLayout read(int struct, String tag) {
        Map<String, Member> members = new LinkedHashMap<>();
        int size = btf.size(struct);
        try {
            if (size < 0) {
                throw new BtfException("its size is " + (size & 0xffffffffL));
            }
            visited = 0;
            flatten(struct, tag, 0, size, 0, members);
            return new StructLayout(size, members);
        } catch (BtfException damaged) {
            problems.add(tag + ": " + damaged.getMessage());
            return new StructLayout(0, Map.of());
        }
    }

    private void flatten(int struct, String tag, long base, int limit, int nesting, Map<String, Member> to)
            throws BtfException {
        if (nesting > MAX_NESTING) {
            throw new BtfException("anonymous structures nested without end");
        }
        for (int i = 0; i < btf.length(struct); i++) {
            if (++visited > MAX_MEMBERS) {
                throw new BtfException("more than " + MAX_MEMBERS + " members");
            }
            int type = btf.memberType(struct, i);
            long bit = base * 8 + (btf.memberBit(struct, i) & 0xffffffffL);
            int bits = btf.memberBits(struct, i);
            String name = btf.memberName(struct, i);
            int resolved = resolve(type);
            boolean isStruct = btf.kind(resolved) == Kind.STRUCT || btf.kind(resolved) == Kind.UNION;
            if (name.isEmpty()) {
                if (isStruct) {
                    flatten(resolved, tag, bit / 8, limit, nesting + 1, to);
                }
                continue;
            }
            if (bits == 0 && bit % 8 != 0 && btf.kind(resolved) == Kind.INT) {
                // Before kind_flag (4.20) a bit field's width was in its INT alone.
                bits = btf.size(resolved) * 8;
            }
            nameAnonymous(type, tag, name);
            long size = sizeOf(type);
            long at = bit / 8;
            if (bits > 0 && size > 0) {
                // The integer that the bits are cut from: aligned, unless a packed structure has them across two.
                long aligned = at / size * size;
                at = bit + bits <= (aligned + size) * 8 ? aligned : at;
                size = Math.max(Math.min(size, limit - at), (bit % 8 + bits + 7) / 8);
            }
            if (at + size > limit) {
                throw new BtfException("member " + name + " lies outside of it");
            }
            String text = declare(type, "", 0);
            to.putIfAbsent(name, new Member((int) at, (int) size, bits > 0 ? text + ":" + bits : text));
        }
    }

    /** Gives a tag to the structure without one that a named member, or an array of that name, is made of. */
    private void nameAnonymous(int type, String owner, String member) {
        int id = type;
        for (int depth = 0; depth < MAX_DEPTH; depth++) {
            switch (btf.kind(id)) {
                case ARRAY -> id = btf.elementType(id);
                case CONST, VOLATILE, RESTRICT, TYPE_TAG -> id = btf.target(id);
                case STRUCT, UNION -> {
                    if (!btf.hasName(id)) {
                        String tag = owner + "." + member;
                        if (given.putIfAbsent(id, tag) == null) {
                            givenIds.put(tag, id);
                        }
                    }
                    return;
                }
                default -> {
                    return;
                }
            }
        }
    }

    /** The type behind typedefs and qualifiers, 0 (void) when they form a circle. */
    private int resolve(int type) {
        int id = type;
        for (int depth = 0; depth < MAX_DEPTH; depth++) {
            switch (btf.kind(id)) {
                case TYPEDEF, CONST, VOLATILE, RESTRICT, TYPE_TAG -> id = btf.target(id);
                default -> {
                    return id;
                }
            }
        }
        return 0;
    }

    /** In bytes. */
    private long sizeOf(int type) throws BtfException {
        long count = 1;
        int id = type;
        for (int depth = 0; depth < MAX_DEPTH; depth++) {
            switch (btf.kind(id)) {
                case TYPEDEF, CONST, VOLATILE, RESTRICT, TYPE_TAG -> id = btf.target(id);
                case ARRAY -> {
                    count *= btf.elements(id) & 0xffffffffL;
                    if (count > Integer.MAX_VALUE) {
                        throw new BtfException("an array of more than 2 GiB");
                    }
                    id = btf.elementType(id);
                }
                case PTR -> {
                    return count * btf.pointerSize();
                }
                case INT, STRUCT, UNION, ENUM, ENUM64, FLOAT -> {
                    long size = count * (btf.size(id) & 0xffffffffL);
                    if (size > Integer.MAX_VALUE) {
                        throw new BtfException("a type of more than 2 GiB");
                    }
                    return size;
                }
                default -> {
                    return 0;
                }
            }
        }
        throw new BtfException("types that refer to each other in a circle");
    }

    /** The type as C declares it; {@code inner} is what stands where the name would. */
    private String declare(int type, String inner, int depth) {
        if (depth > MAX_DEPTH) {
            return "";
        }
        return switch (btf.kind(type)) {
            case VOID -> join("void", inner);
            case INT, FLOAT, TYPEDEF -> join(btf.name(type), inner);
            case STRUCT -> join(tagged("struct", type), inner);
            case UNION -> join(tagged("union", type), inner);
            case ENUM, ENUM64 -> join(btf.hasName(type) ? "enum " + btf.name(type) : "enum", inner);
            case FWD -> join((btf.flag(type) ? "union " : "struct ") + btf.name(type), inner);
            case CONST -> qualified("const", type, inner, depth);
            case VOLATILE -> qualified("volatile", type, inner, depth);
            case RESTRICT, TYPE_TAG, VAR, DECL_TAG, FUNC -> declare(btf.target(type), inner, depth + 1);
            case PTR -> {
                Kind to = btf.kind(unqualified(btf.target(type)));
                boolean wrap = to == Kind.ARRAY || to == Kind.FUNC_PROTO;
                yield declare(btf.target(type), wrap ? "(*" + inner + ")" : "*" + inner, depth + 1);
            }
            case ARRAY -> {
                int count = btf.elements(type);
                yield declare(btf.elementType(type), inner + "[" + (count == 0 ? "" : count & 0xffffffffL) + "]",
                        depth + 1);
            }
            case FUNC_PROTO -> declare(btf.target(type), inner + parameters(type, depth), depth + 1);
            case DATASEC -> "";
        };
    }

    private int unqualified(int type) {
        int id = type;
        for (int depth = 0; depth < MAX_DEPTH; depth++) {
            switch (btf.kind(id)) {
                case CONST, VOLATILE, RESTRICT, TYPE_TAG -> id = btf.target(id);
                default -> {
                    return id;
                }
            }
        }
        return 0;
    }

    private String qualified(String qualifier, int type, String inner, int depth) {
        int target = btf.target(type);
        if (btf.kind(unqualified(target)) == Kind.PTR) {
            return declare(target, " " + qualifier + (inner.isEmpty() ? "" : " " + inner), depth + 1);
        }
        return qualifier + " " + declare(target, inner, depth + 1);
    }

    /**
     * Parameters that themselves take functions are written without theirs: depth is what makes such a text explode.
     */
    private String parameters(int prototype, int depth) {
        if (depth > 4 || btf.length(prototype) > MAX_PARAMETERS) {
            return "(...)";
        }
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < btf.length(prototype); i++) {
            int type = btf.parameterType(prototype, i);
            texts.add(type == 0 ? "..." : declare(type, "", MAX_DEPTH / 2 + depth));
        }
        return "(" + (texts.isEmpty() ? "void" : String.join(", ", texts)) + ")";
    }

    private String tagged(String word, int type) {
        if (btf.hasName(type)) {
            return word + " " + btf.name(type);
        }
        String tag = given.get(type);
        return tag == null ? word : word + " " + tag;
    }

    private static String join(String base, String inner) {
        return inner.isEmpty() ? base : inner.startsWith("[") || inner.startsWith(" ") ? base + inner
                : base + " " + inner;
    }
}
