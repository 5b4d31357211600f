// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/**
 * The types in the text that {@code dwarfdump -di} prints of a kernel module's debugging information: one entry a line,
 * {@code <level><offset><tag> attribute<value> ...}. Its numbers are decimal in older versions and hexadecimal in newer
 * ones; member offsets are bare numbers or {@code DW_OP_plus_uconst N}.
 */
final class DwarfText {
    private static final int MOST_ENTRIES = 500_000;
    private static final int DEEPEST = 32;
    private static final int LONGEST_CHAIN = 64;
    private static final int MOST_BITS = 128;
    private static final CType VOID = new CType.Named("void", 0, "", true);

    private enum Tag {
        STRUCT("structure_type"), UNION("union_type"), CLASS("class_type"), TYPEDEF("typedef"), BASE("base_type"),
        POINTER("pointer_type"), REFERENCE("reference_type"), ARRAY("array_type"), FUNCTION("subroutine_type"),
        ENUM("enumeration_type"), CONST("const_type"), VOLATILE("volatile_type"), RESTRICT("restrict_type"),
        MEMBER("member"), BOUND("subrange_type"), ENUMERATOR("enumerator"), UNIT("compile_unit"),
        UNSPECIFIED("unspecified_type");

        private static final Map<String, Tag> BY_NAME = new HashMap<>();

        static {
            for (Tag tag : values()) {
                BY_NAME.put("DW_TAG_" + tag.name, tag);
            }
        }

        private final String name;

        Tag(String name) {
            this.name = name;
        }

        boolean isComposite() {
            return this == STRUCT || this == UNION || this == CLASS;
        }
    }

    /** An entry. References count from the start of their compilation unit, so a unit's number is part of each. */
    private static final class Entry {
        private final Tag tag;
        private final long key;
        private final long line;
        private final List<Entry> children = new ArrayList<>(0);
        private String name = "";
        private long type = -1;
        private long size = -1;
        private long location = -1;
        private long bits = -1;
        /** Of a bit field before DWARF 4: of its highest bit from the highest bit of its integer. */
        private long bitsFromTop;
        /** Of a bit field since DWARF 4: of its lowest bit from the start of the structure. */
        private long firstBit = -1;
        private long bound = -1;
        private long value;
        private boolean declaration;

        Entry(Tag tag, long key, long line) {
            this.tag = tag;
            this.key = key;
            this.line = line;
        }
    }

    private final SourceFile file;
    private final String part;
    private final Map<Long, Entry> entries = new HashMap<>();
    private final Map<String, Entry> tags = new LinkedHashMap<>();
    private final Map<String, Entry> typedefs = new LinkedHashMap<>();
    private final Map<Long, Optional<StructDef>> anonymous = new HashMap<>();
    private final Map<String, Long> enumerators = new HashMap<>();
    private final Map<String, Integer> names = new HashMap<>();
    private String buildFolder = "";
    private long pointerSize;
    private int unit;
    private int count;

    private DwarfText(SourceFile file, String part) {
        this.file = file;
        this.part = part;
    }

    static DwarfText read(SourceFile file, String part, Lines lines) {
        DwarfText text = new DwarfText(file, part);
        List<Entry> open = new ArrayList<>();
        for (String line = lines.next(); line != null; line = lines.next()) {
            if (line.startsWith("<")) {
                text.entry(lines, line, open);
            }
        }
        text.index();
        return text;
    }

    /** In bytes: 8 or 4. */
    long pointerSize() {
        return pointerSize;
    }

    /** The folder of headers that the module was built against; it has the release in its name. May be empty. */
    String buildFolder() {
        return buildFolder;
    }

    Map<String, Long> enumerators() {
        return enumerators;
    }

    /** The names of all structures, unions, and typedefs of them. */
    Collection<String> structNames() {
        Set<String> all = new HashSet<>(tags.keySet());
        typedefs.forEach((name, entry) -> {
            if (composite(entry).isPresent()) {
                all.add(name);
            }
        });
        return all;
    }

    // Reading

    private void entry(Lines lines, String line, List<Entry> open) {
        int levelEnd = line.indexOf('>');
        int offsetStart = line.indexOf('<', levelEnd);
        int offsetEnd = line.indexOf('>', offsetStart);
        int tagStart = line.indexOf("<DW_TAG_", offsetEnd);
        int tagEnd = line.indexOf('>', tagStart + 1);
        if (levelEnd < 0 || offsetStart < 0 || offsetEnd < 0 || tagStart < 0 || tagEnd < 0) {
            throw lines.bad("is not '<level><offset><DW_TAG_...>' as dwarfdump prints it");
        }
        long level = number(line.substring(1, levelEnd)).orElse(-1);
        long offset = number(line.substring(offsetStart + 1, offsetEnd)).orElse(-1);
        if (level < 0 || offset < 0 || offset > 0xffffffffL) {
            throw lines.bad("has a level or an offset that is not a number");
        }
        while (open.size() > level) {
            open.remove(open.size() - 1);
        }
        Tag tag = Tag.BY_NAME.get(line.substring(tagStart + 1, tagEnd));
        if (tag == Tag.UNIT) {
            unit++;
        }
        if (++count > MOST_ENTRIES) {
            throw lines.bad("more than " + MOST_ENTRIES + " entries: this is no module.dwarf, whose module only names"
                    + " the types");
        }
        Entry entry = tag == null ? null : new Entry(tag, key(offset), lines.number());
        if (entry != null) {
            attributes(line, tagEnd + 1, entry);
            boolean child = tag == Tag.MEMBER || tag == Tag.BOUND || tag == Tag.ENUMERATOR;
            if (!child) {
                entries.putIfAbsent(entry.key, entry);
                if (tag == Tag.POINTER && pointerSize == 0 && entry.size > 0) {
                    pointerSize = entry.size;
                }
            } else if (level > 0 && open.size() == level && open.get((int) level - 1) != null) {
                open.get((int) level - 1).children.add(entry);
            }
        }
        if (open.size() == level && level <= DEEPEST) {
            open.add(entry);
        }
    }

    private long key(long offset) {
        return (long) unit << 32 | offset;
    }

    private void attributes(String line, int start, Entry entry) {
        int at = line.indexOf("DW_AT_", start);
        while (at >= 0) {
            int open = line.indexOf('<', at);
            if (open < 0) {
                return;
            }
            // A value may have brackets in it; it ends where another attribute or nothing follows.
            int close = line.indexOf("> DW_AT_", open);
            int next = close < 0 ? -1 : close + 2;
            if (close < 0) {
                close = line.lastIndexOf('>');
            }
            if (close <= open) {
                return;
            }
            attribute(line.substring(at + 6, open), line.substring(open + 1, close), entry);
            at = next;
        }
    }

    private void attribute(String name, String value, Entry entry) {
        switch (name) {
            case "name" -> {
                entry.name = unquoted(value);
                names.merge(entry.name, 1, Integer::sum);
            }
            case "type" -> entry.type = key(number(unbracketed(value)).orElse(0) & 0xffffffffL);
            case "byte_size" -> entry.size = number(value).orElse(-1);
            case "data_member_location" -> entry.location = number(value).orElse(-1);
            case "bit_size" -> entry.bits = number(value).orElse(-1);
            case "bit_offset" -> entry.bitsFromTop = number(value).orElse(0);
            case "data_bit_offset" -> entry.firstBit = number(value).orElse(-1);
            // Of an array without a length older compilers say that its last index is -1, as wide as an address.
            case "upper_bound" -> entry.bound = number(value).orElse(-1);
            case "count" -> entry.bound = number(value).orElse(0) - 1;
            case "const_value" -> entry.value = signed(value);
            case "declaration" -> entry.declaration = true;
            case "comp_dir" -> {
                if (buildFolder.isEmpty()) {
                    buildFolder = unquoted(value);
                }
            }
            default -> { }
        }
    }

    private static String unquoted(String value) {
        return value.length() >= 2 && value.startsWith("\"") && value.endsWith("\"")
                ? value.substring(1, value.length() - 1) : value;
    }

    private static String unbracketed(String value) {
        return value.startsWith("<") ? value.substring(1) : value;
    }

    /**
     * The number at a value's start, or behind the name of an operation: {@code 0x1f}, {@code 31}, {@code 0x0+0xb},
     * {@code 128(as signed = -128)}, {@code DW_OP_plus_uconst 8}, {@code len 0x0002: 2308: DW_OP_plus_uconst 8}.
     */
    static OptionalLong number(String value) {
        int start = value.indexOf("DW_OP_plus_uconst ");
        start = start < 0 ? 0 : start + "DW_OP_plus_uconst ".length();
        while (start < value.length() && value.charAt(start) == ' ') {
            start++;
        }
        boolean hex = value.startsWith("0x", start);
        start += hex ? 2 : 0;
        int end = start;
        while (end < value.length() && Character.digit(value.charAt(end), hex ? 16 : 10) >= 0) {
            end++;
        }
        try {
            return end == start ? OptionalLong.empty()
                    : OptionalLong.of(Long.parseUnsignedLong(value.substring(start, end), hex ? 16 : 10));
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    /** An enumerator's value: {@code -1}, {@code 3}, {@code 0xffffffff (-1)}, {@code 0xffffffffffffffff}. */
    private static long signed(String value) {
        int minus = value.indexOf('-');
        if (minus >= 0) {
            return -number(value.substring(minus + 1)).orElse(0);
        }
        return number(value).orElse(0);
    }

    private void index() {
        for (Entry type : entries.values()) {
            if (type.tag == Tag.ENUM) {
                type.children.forEach(e -> enumerators.putIfAbsent(e.name, e.value));
            }
            if (type.name.isEmpty() || type.declaration) {
                continue;
            }
            if (type.tag.isComposite()) {
                tags.merge(type.name, type, DwarfText::first);
            } else if (type.tag == Tag.TYPEDEF) {
                typedefs.merge(type.name, type, DwarfText::first);
            }
        }
        String entry = part.substring(0, part.length() - 1);
        if (tags.isEmpty()) {
            throw file.bad(entry, "has no structures: it is not the dwarfdump of a module with debugging information");
        }
        Map.Entry<String, Integer> commonest = Collections.max(names.entrySet(), Map.Entry.comparingByValue());
        if (commonest.getValue() > 100 && commonest.getValue() > count / 8) {
            // Seen in the wild: the relocations were not applied, and most names are the first of the string section.
            throw file.bad(entry, "gives " + commonest.getValue() + " types and members the same name, "
                    + commonest.getKey() + ": the dwarfdump that wrote it went wrong")
                    .next("make the profile again with a newer dwarfdump");
        }
        if (pointerSize != 4 && pointerSize != 8) {
            throw file.bad(entry, "has pointers of " + pointerSize + " bytes");
        }
    }

    private static Entry first(Entry a, Entry b) {
        return a.line <= b.line ? a : b;
    }

    // Types

    /** A structure by its tag, by a typedef's name, or as {@link CType.Named#struct()} names it. */
    Optional<StructDef> struct(String key) {
        if (key.startsWith("#")) {
            return anonymous.computeIfAbsent(Long.parseLong(key.substring(1)),
                    k -> Optional.of(define(entries.get(k))));
        }
        Entry entry = tags.get(key);
        if (entry == null && typedefs.containsKey(key)) {
            entry = composite(typedefs.get(key)).orElse(null);
        }
        return Optional.ofNullable(entry).map(this::define);
    }

    /** The structure behind typedefs and qualifiers, where it is defined. */
    private Optional<Entry> composite(Entry start) {
        Entry entry = start;
        for (int i = 0; entry != null && i < LONGEST_CHAIN; i++) {
            switch (entry.tag) {
                case STRUCT, UNION, CLASS -> {
                    return Optional.ofNullable(entry.declaration ? tags.get(entry.name) : entry);
                }
                case TYPEDEF, CONST, VOLATILE, RESTRICT -> entry = entries.get(entry.type);
                default -> {
                    return Optional.empty();
                }
            }
        }
        return Optional.empty();
    }

    private StructDef define(Entry struct) {
        List<StructDef.Field> fields = new ArrayList<>(struct.children.size());
        for (Entry child : struct.children) {
            // In a union nothing needs a location; elsewhere an empty one (seen in the wild) leaves the place unknown.
            boolean placed = child.location >= 0 || child.firstBit >= 0 || struct.tag == Tag.UNION;
            if (child.tag == Tag.MEMBER && placed) {
                CType type = type(child.type, 0);
                if (child.bits >= 0) {
                    type = bits(child, type);
                }
                fields.add(new StructDef.Field(child.name, Math.max(0, child.location), type));
            }
        }
        return new StructDef(Math.max(0, struct.size), fields);
    }

    private CType bits(Entry member, CType integer) {
        long whole = 8 * (member.size >= 0 ? member.size : integer.size());
        long position = member.firstBit >= 0 ? member.firstBit : whole - member.bitsFromTop - member.bits;
        if (member.bits > MOST_BITS || position < 0 || position > Integer.MAX_VALUE) {
            throw file.bad(part + member.line, "the bits of " + member.name + " do not fit its integer");
        }
        return new CType.Bits(integer, member.bits, position);
    }

    private CType type(long key, int depth) {
        Entry entry = entries.get(key);
        if (key < 0 || entry == null) {
            return VOID;
        }
        if (depth > LONGEST_CHAIN) {
            throw file.bad(part + entry.line, "the type " + entry.name + " is defined by itself");
        }
        return switch (entry.tag) {
            case STRUCT, UNION, CLASS -> {
                String kind = entry.tag == Tag.UNION ? "union" : "struct";
                yield entry.name.isEmpty()
                        ? new CType.Named(kind + " " + CType.NO_NAME, Math.max(0, entry.size), "#" + entry.key, false)
                        : new CType.Named(kind + " " + entry.name,
                                composite(entry).map(e -> Math.max(0, e.size)).orElse(0L), entry.name, true);
            }
            case TYPEDEF -> {
                CType target = type(entry.type, depth + 1);
                yield new CType.Named(entry.name, target.size(), composite(entry).isPresent() ? entry.name : "", true);
            }
            case ENUM -> new CType.Named(entry.name.isEmpty() ? "enum " + CType.NO_NAME : "enum " + entry.name,
                    Math.max(0, entry.size), "", true);
            case BASE, UNSPECIFIED -> new CType.Named(entry.name, Math.max(0, entry.size), "", true);
            case POINTER, REFERENCE -> new CType.Pointer(qualified(entry.type, depth + 1), pointerSize);
            case CONST, VOLATILE, RESTRICT -> type(entry.type, depth + 1);
            case FUNCTION -> new CType.Function(type(entry.type, depth + 1));
            case ARRAY -> array(entry, depth);
            default -> VOID;
        };
    }

    /** What a pointer points to, with the const that people read there. */
    private CType qualified(long key, int depth) {
        Entry entry = entries.get(key);
        CType target = type(key, depth);
        return entry != null && entry.tag == Tag.CONST && target instanceof CType.Named named
                ? new CType.Named("const " + named.text(), named.size(), named.struct(), named.named()) : target;
    }

    private CType array(Entry entry, int depth) {
        CType type = type(entry.type, depth + 1);
        List<Entry> bounds = entry.children.stream().filter(e -> e.tag == Tag.BOUND).toList();
        if (bounds.isEmpty()) {
            return new CType.Array(type, 0, 0);
        }
        for (int i = bounds.size() - 1; i >= 0; i--) {
            long bound = bounds.get(i).bound;
            long length = bound < 0 || bound >= Integer.MAX_VALUE ? 0 : bound + 1;
            if (length > 0 && type.size() > Long.MAX_VALUE / (1L << 33)) {
                throw file.bad(part + entry.line, "the array is impossibly large");
            }
            type = new CType.Array(type, length, length * type.size());
        }
        return type;
    }
}
