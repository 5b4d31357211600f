// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.btf;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Writes BTF, right or wrong as a test wants it. Each method that adds a type gives its number. */
public final class BtfBlob {
    private record Field(String name, int type, int offset) {
    }

    private final List<byte[]> types = new ArrayList<>();
    private final ByteArrayOutputStream strings = new ByteArrayOutputStream();
    private final Map<String, Integer> places = new HashMap<>();

    public BtfBlob() {
        string("");
    }

    private int string(String text) {
        return places.computeIfAbsent(text, t -> {
            int place = strings.size();
            strings.writeBytes(t.getBytes(StandardCharsets.UTF_8));
            strings.write(0);
            return place;
        });
    }

    private static void put(ByteArrayOutputStream out, int... words) {
        for (int word : words) {
            for (int i = 0; i < 4; i++) {
                out.write(word >>> 8 * i);
            }
        }
    }

    /** Any type at all: its three words and what follows. */
    int raw(int name, int info, int sizeOrType, int... more) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        put(out, name, info, sizeOrType);
        put(out, more);
        types.add(out.toByteArray());
        return types.size();
    }

    private static int info(Btf.Kind kind, int length, boolean flag) {
        return kind.ordinal() << 24 | length | (flag ? 1 << 31 : 0);
    }

    public int integer(String name, int size) {
        return raw(string(name), info(Btf.Kind.INT, 0, false), size, size * 8);
    }

    int simple(Btf.Kind kind, String name, int target) {
        return raw(string(name), info(kind, 0, false), target);
    }

    int floating(String name, int size) {
        return raw(string(name), info(Btf.Kind.FLOAT, 0, false), size);
    }

    public int pointer(int to) {
        return raw(0, info(Btf.Kind.PTR, 0, false), to);
    }

    public int array(int of, int count) {
        return raw(0, info(Btf.Kind.ARRAY, 0, false), 0, of, 1, count);
    }

    int declTag(int of) {
        return raw(string("tag"), info(Btf.Kind.DECL_TAG, 0, false), of, -1);
    }

    int function(int returns, int... parameters) {
        int[] words = new int[2 * parameters.length];
        for (int i = 0; i < parameters.length; i++) {
            words[2 * i + 1] = parameters[i];
        }
        return raw(0, info(Btf.Kind.FUNC_PROTO, parameters.length, false), returns, words);
    }

    public int enumeration(String name, Object... namesAndValues) {
        int[] words = new int[namesAndValues.length];
        for (int i = 0; i < words.length; i += 2) {
            words[i] = string((String) namesAndValues[i]);
            words[i + 1] = (Integer) namesAndValues[i + 1];
        }
        return raw(string(name), info(Btf.Kind.ENUM, words.length / 2, false), 4, words);
    }

    int enumeration64(String name, String enumerator, long value) {
        return raw(string(name), info(Btf.Kind.ENUM64, 1, false), 8, string(enumerator), (int) value,
                (int) (value >>> 32));
    }

    /** A structure; add members to it, then {@link Members#end()}. */
    public Members struct(String name, int size) {
        return new Members(Btf.Kind.STRUCT, name, size);
    }

    Members union(String name, int size) {
        return new Members(Btf.Kind.UNION, name, size);
    }

    public final class Members {
        private final Btf.Kind kind;
        private final String name;
        private final int size;
        private final List<Field> fields = new ArrayList<>();
        private boolean flag;

        private Members(Btf.Kind kind, String name, int size) {
            this.kind = kind;
            this.name = name;
            this.size = size;
        }

        /** @param offset in bytes */
        public Members add(String member, int type, int offset) {
            fields.add(new Field(member, type, offset * 8));
            return this;
        }

        Members bits(String member, int type, int bit, int bits) {
            flag = true;
            fields.add(new Field(member, type, bits << 24 | bit));
            return this;
        }

        public int end() {
            int[] words = new int[fields.size() * 3];
            for (int i = 0; i < fields.size(); i++) {
                words[3 * i] = string(fields.get(i).name());
                words[3 * i + 1] = fields.get(i).type();
                words[3 * i + 2] = fields.get(i).offset();
            }
            return raw(string(name), info(kind, fields.size(), flag), size, words);
        }
    }

    public byte[] bytes() {
        int typesLength = types.stream().mapToInt(t -> t.length).sum();
        return bytes(typesLength, strings.size());
    }

    /** With lengths in the header that need not be true. */
    byte[] bytes(int typesLength, int stringsLength) {
        int realLength = types.stream().mapToInt(t -> t.length).sum();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        put(out, 0x0001eb9f, 24, 0, typesLength, realLength, stringsLength);
        types.forEach(out::writeBytes);
        out.writeBytes(strings.toByteArray());
        return out.toByteArray();
    }
}
