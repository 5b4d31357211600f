// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.profile.Needs;

/**
 * Reads Volatility 3's intermediate symbol format as a stream. The file is far larger than what is wanted of it, and a
 * structure may come before the one that leads to it, so it is read again for the structures found missing: never more
 * of it is kept than the sizes of the types and what is wanted.
 */
final class IsfReader {
    private static final long LARGEST = 1L << 30;
    private static final int MOST_TYPES = 500_000;
    private static final int LONGEST_BANNER = 4096;
    private static final JsonFactory JSON = JsonFactory.builder()
            // There are hundreds of thousands of different names, each used once.
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(64).maxNameLength(4096)
                    .maxStringLength(1 << 20).maxNumberLength(100).build())
            .build();

    /** A type as the file writes it; what its parts are is known only when the whole file was read. */
    private record RawType(String kind, String name, long number, long position, Optional<RawType> inner) {
        static final RawType VOID = new RawType("base", "void", 0, 0, Optional.empty());
    }

    private record RawField(String name, long offset, boolean anonymous, RawType type) {
    }

    private record RawStruct(long size, List<RawField> fields) {
    }

    /** Reads the value of one field of an object; it must consume it. */
    private interface FieldReader {
        void read(JsonParser json, String name) throws IOException;
    }

    private final SourceFile file;
    private final Needs needs;
    private final Map<String, Long> baseSizes = new HashMap<>();
    private final Map<String, Long> structSizes = new HashMap<>();
    private final Map<String, Long> enumSizes = new HashMap<>();
    private final Map<String, RawStruct> structs = new HashMap<>();
    private final Map<String, Long> symbols = new HashMap<>();
    private final Map<String, Long> constants = new HashMap<>();
    private String banner = "";
    private long text = -1;
    private boolean linux;
    private String otherSystem = "";

    private IsfReader(SourceFile file, Needs needs) {
        this.file = file;
        this.needs = needs;
    }

    /** Reads all but the structures. */
    static IsfReader read(SourceFile file, Needs needs, Set<String> firstStructs) {
        IsfReader reader = new IsfReader(file, needs);
        reader.pass(firstStructs, true);
        return reader;
    }

    /** Reads the structures of these names, as far as the file has them. */
    void load(Set<String> names) {
        pass(names, false);
    }

    String banner() {
        return banner;
    }

    Map<String, Long> symbols() {
        return symbols;
    }

    Map<String, Long> constants() {
        return constants;
    }

    /** The address of {@code _text}; -1 when it is not listed. */
    long text() {
        return text;
    }

    /** In bytes; 0 when the file does not tell. */
    long pointerSize() {
        return baseSizes.getOrDefault("pointer", 0L);
    }

    /** The names of the structures and unions that have one. */
    Collection<String> structNames() {
        return structSizes.keySet().stream().filter(name -> !isUnnamed(name) && Names.isUsable(name)).toList();
    }

    boolean knows(String struct) {
        return structSizes.containsKey(struct);
    }

    boolean isLinux() {
        return linux || otherSystem.isEmpty();
    }

    String otherSystem() {
        return otherSystem;
    }

    /** A structure that was loaded. */
    Optional<StructDef> struct(String name) {
        RawStruct raw = structs.get(name);
        return raw == null ? Optional.empty() : Optional.of(new StructDef(raw.size, raw.fields.stream()
                .map(f -> new StructDef.Field(f.anonymous ? "" : f.name, f.offset, type(f.type))).toList()));
    }

    boolean isLoaded(String name) {
        return structs.containsKey(name);
    }

    private static boolean isUnnamed(String name) {
        return name.startsWith("unnamed_");
    }

    private CType type(RawType raw) {
        return switch (raw.kind) {
            case "pointer" -> new CType.Pointer(inner(raw), pointerSize());
            case "array" -> {
                CType element = inner(raw);
                yield new CType.Array(element, raw.number, raw.number * Math.min(element.size(), 1L << 30));
            }
            case "bitfield" -> new CType.Bits(inner(raw), raw.number, raw.position);
            case "function" -> new CType.Function(type(RawType.VOID));
            case "struct", "union", "class" -> isUnnamed(raw.name)
                    ? new CType.Named((raw.kind.equals("union") ? "union" : "struct") + " " + CType.NO_NAME,
                            structSizes.getOrDefault(raw.name, 0L), raw.name, false)
                    : new CType.Named(raw.kind + " " + raw.name, structSizes.getOrDefault(raw.name, 0L), raw.name,
                            true);
            case "enum" -> new CType.Named(isUnnamed(raw.name) ? "enum " + CType.NO_NAME : "enum " + raw.name,
                    enumSizes.getOrDefault(raw.name, 0L), "", true);
            default -> new CType.Named(raw.name,
                    raw.name.equals("void") ? 0 : baseSizes.getOrDefault(raw.name, 0L), "", true);
        };
    }

    private CType inner(RawType raw) {
        return type(raw.inner.orElse(RawType.VOID));
    }

    // Reading

    private void pass(Set<String> wantedStructs, boolean everything) {
        try (InputStream in = file.open(LARGEST); JsonParser json = JSON.createParser(in)) {
            if (json.nextToken() != JsonToken.START_OBJECT) {
                throw bad(json, "is not an object ({...})");
            }
            object(json, (j, section) -> {
                switch (everything || section.equals("user_types") ? section : "") {
                    case "metadata" -> object(j, this::metadata);
                    case "base_types" -> object(j, (t, name) -> baseSizes.put(limited(t, baseSizes, name), size(t)));
                    case "enums" -> object(j, this::enumeration);
                    case "symbols" -> object(j, this::symbol);
                    case "user_types" -> object(j, (t, name) -> struct(t, name, wantedStructs, everything));
                    default -> j.skipChildren();
                }
            });
            if (json.nextToken() != null) {
                throw bad(json, "something stands behind the end of the object");
            }
        } catch (JsonProcessingException e) {
            JsonLocation at = e.getLocation();
            String message = e.getOriginalMessage().lines().findFirst().orElse("").replaceAll("\\p{Cntrl}", "?");
            throw at == null ? file.bad("is not JSON: " + message)
                    : file.bad(String.valueOf(at.getLineNr()), "is not JSON: " + message);
        } catch (IOException e) {
            throw file.bad(e);
        }
    }

    private void metadata(JsonParser json, String name) throws IOException {
        if (name.equals("linux")) {
            linux = true;
        } else if (name.equals("windows") || name.equals("mac")) {
            otherSystem = name;
        }
        json.skipChildren();
    }

    private void enumeration(JsonParser json, String name) throws IOException {
        limited(json, enumSizes, name);
        object(json, (j, field) -> {
            if (field.equals("size")) {
                enumSizes.put(name, number(j));
            } else if (field.equals("constants") && !needs.constants().isEmpty()) {
                object(j, (c, constant) -> {
                    long value = number(c);
                    if (needs.wantsConstant(constant) && Names.isUsable(constant)) {
                        constants.putIfAbsent(constant, value);
                    }
                });
            } else {
                j.skipChildren();
            }
        });
    }

    private void symbol(JsonParser json, String name) throws IOException {
        boolean wanted = needs.wantsSymbol(name) && Names.isUsable(name);
        boolean isBanner = name.equals("linux_banner");
        if (!wanted && !isBanner && !name.equals("_text")) {
            json.skipChildren();
            return;
        }
        object(json, (j, field) -> {
            if (field.equals("address")) {
                long address = number(j);
                if (wanted) {
                    symbols.put(name, address);
                }
                if (name.equals("_text")) {
                    text = address;
                }
            } else if (field.equals("constant_data") && isBanner && j.currentToken() == JsonToken.VALUE_STRING) {
                banner = decoded(j, j.getText());
            } else {
                j.skipChildren();
            }
        });
    }

    private static String decoded(JsonParser json, String base64) throws IOException {
        try {
            byte[] bytes = base64.length() > LONGEST_BANNER ? new byte[0] : Base64.getDecoder().decode(base64);
            String text = new String(bytes, StandardCharsets.UTF_8);
            int end = text.indexOf('\0');
            return (end < 0 ? text : text.substring(0, end)).stripTrailing();
        } catch (IllegalArgumentException e) {
            throw new JsonParseException(json, "linux_banner is not base64");
        }
    }

    private void struct(JsonParser json, String name, Set<String> wanted, boolean sizes) throws IOException {
        boolean load = wanted.contains(name) || wanted.contains("*");
        if (!load && !sizes) {
            json.skipChildren();
            return;
        }
        List<RawField> fields = new ArrayList<>();
        long[] size = {0};
        object(json, (j, field) -> {
            if (field.equals("size")) {
                size[0] = number(j);
            } else if (field.equals("fields") && load) {
                object(j, (f, member) -> fields.add(field(f, member)));
            } else {
                j.skipChildren();
            }
        });
        if (sizes) {
            structSizes.put(limited(json, structSizes, name), size[0]);
        }
        if (load) {
            structs.put(name, new RawStruct(size[0], fields));
        }
    }

    private RawField field(JsonParser json, String name) throws IOException {
        long[] offset = {0};
        boolean[] anonymous = {false};
        RawType[] type = {RawType.VOID};
        object(json, (j, field) -> {
            switch (field) {
                case "offset" -> offset[0] = number(j);
                // Files of before this mark was written have only the name to tell by.
                case "anonymous" -> anonymous[0] = j.currentToken() == JsonToken.VALUE_TRUE;
                case "type" -> type[0] = rawType(j);
                default -> j.skipChildren();
            }
        });
        return new RawField(name, offset[0], anonymous[0] || name.startsWith("unnamed_field_"), type[0]);
    }

    private RawType rawType(JsonParser json) throws IOException {
        String[] words = {"base", "void"};
        long[] number = {0};
        long[] position = {0};
        List<RawType> inner = new ArrayList<>(1);
        object(json, (j, field) -> {
            switch (field) {
                case "kind" -> words[0] = string(j);
                case "name" -> words[1] = string(j);
                case "count", "bit_length" -> number[0] = count(j);
                case "bit_position" -> position[0] = count(j);
                case "subtype", "type" -> inner.add(rawType(j));
                default -> j.skipChildren();
            }
        });
        return new RawType(words[0], words[1], number[0], position[0], inner.stream().findFirst());
    }

    /** Far above what can be true, and far below what overflows. */
    private long count(JsonParser json) throws IOException {
        return Math.max(0, Math.min(number(json), Integer.MAX_VALUE));
    }

    private long size(JsonParser json) throws IOException {
        long[] size = {0};
        object(json, (j, field) -> {
            if (field.equals("size")) {
                size[0] = number(j);
            } else {
                j.skipChildren();
            }
        });
        return size[0];
    }

    /** Reads the object at which the parser stands. */
    private void object(JsonParser json, FieldReader field) throws IOException {
        if (json.currentToken() != JsonToken.START_OBJECT) {
            throw bad(json, "an object ({...}) must stand here");
        }
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            json.nextToken();
            field.read(json, name);
        }
    }

    /** An integer of up to 64 bits, signed or unsigned. */
    private long number(JsonParser json) throws IOException {
        if (json.currentToken() != JsonToken.VALUE_NUMBER_INT) {
            throw bad(json, "a whole number must stand here");
        }
        String digits = json.getText();
        try {
            return digits.startsWith("-") ? Long.parseLong(digits) : Long.parseUnsignedLong(digits);
        } catch (NumberFormatException e) {
            throw bad(json, "the number has more than 64 bits");
        }
    }

    private String string(JsonParser json) throws IOException {
        if (json.currentToken() != JsonToken.VALUE_STRING) {
            throw bad(json, "a text must stand here");
        }
        return json.getText();
    }

    private String limited(JsonParser json, Map<String, Long> types, String name) {
        if (types.size() >= MOST_TYPES) {
            throw bad(json, "more than " + MOST_TYPES + " types, which no kernel has");
        }
        return name;
    }

    private HptException bad(JsonParser json, String what) {
        return file.bad(String.valueOf(json.currentTokenLocation().getLineNr()), what);
    }
}
