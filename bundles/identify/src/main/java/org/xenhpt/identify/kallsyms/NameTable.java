// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.kallsyms;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.xenhpt.identify.KernelImage;
import org.xenhpt.identify.Span;

/**
 * The names of kallsyms: each a length and as many bytes, each of which stands for a token of one or more characters.
 * The first character is the symbol's type (scripts/kallsyms.c; kernel/kallsyms.c).
 *
 * <p>A length byte with bit 7 set goes on in the next byte since 6.1 (73bbb94466fd3). Names were shorter than 128
 * characters before (KSYM_NAME_LEN), so that the bit was never set and one reading serves all kernels.
 *
 * <p>No name is made to a string: a name's hash is computed from its tokens' hashes and looked up among those wanted.
 */
final class NameTable {
    static final int TOKENS = 256;
    /** Debian's kernels have 110,000 to 260,000 symbols; what claims more than this is damaged. */
    static final int MAX_SYMBOLS = 4_000_000;
    private static final int MAX_BYTES = 64 << 20;
    private static final int MAX_TOKEN = 512;
    private static final int MAX_NAME = 512;
    /** KSYM_NAME_LEN is 512 since 6.1. */
    private static final int LONGEST = 1024;
    private static final int PRIME = 0x01000193;

    private final byte[] names;
    private final int count;
    private final byte[][] tokens;
    private final List<Span> spans;
    private final int[] hash = new int[TOKENS];
    private final int[] power = new int[TOKENS];
    /** As {@link #hash} and {@link #power}, of a token that begins a name: without the type. */
    private final int[] firstHash = new int[TOKENS];

    private NameTable(byte[] names, int count, byte[][] tokens, List<Span> spans) {
        this.spans = spans;
        this.names = names;
        this.count = count;
        this.tokens = tokens;
        for (int t = 0; t < TOKENS; t++) {
            hash[t] = hashOf(tokens[t], 0);
            firstHash[t] = hashOf(tokens[t], 1);
            power[t] = 1;
            for (int i = 0; i < tokens[t].length; i++) {
                power[t] *= PRIME;
            }
        }
    }

    private static int hashOf(byte[] bytes, int from) {
        int hash = 0;
        for (int i = from; i < bytes.length; i++) {
            hash = hash * PRIME + bytes[i];
        }
        return hash;
    }

    /**
     * @param names      GVA of {@code kallsyms_names}
     * @param limit      GVA that they end before
     * @param tokenTable GVA of {@code kallsyms_token_table}
     * @param tokenIndex GVA of {@code kallsyms_token_index}
     * @return empty when what lies there is not such tables
     */
    static Optional<NameTable> read(KernelImage image, long names, long limit, int count, long tokenTable,
            long tokenIndex) {
        long length = limit - names;
        if (count <= 0 || count > MAX_SYMBOLS || length < 2L * count || length > MAX_BYTES
                || !image.contains(names, length)) {
            return Optional.empty();
        }
        Optional<byte[][]> tokens = tokens(image, tokenTable, tokenIndex);
        byte[] bytes = new byte[(int) length];
        if (tokens.isEmpty() || !image.read(names, bytes, bytes.length)) {
            return Optional.empty();
        }
        long tokenBytes = Math.max(0, Math.min(0x10000, tokenIndex - tokenTable));
        NameTable table = new NameTable(bytes, count, tokens.get(), List.of(new Span(names, length),
                new Span(tokenTable, tokenBytes), new Span(tokenIndex, 2 * TOKENS)));
        return table.end() < 0 ? Optional.empty() : Optional.of(table);
    }

    private static Optional<byte[][]> tokens(KernelImage image, long tokenTable, long tokenIndex) {
        byte[] index = new byte[2 * TOKENS];
        long room = Math.min(0x10000 + MAX_TOKEN, image.end() - tokenTable);
        if (!image.contains(tokenTable) || !image.read(tokenIndex, index, index.length)) {
            return Optional.empty();
        }
        if (tokenIndex - tokenTable > 0) {
            room = Math.min(room, tokenIndex - tokenTable);
        }
        byte[] table = new byte[(int) room];
        if (!image.read(tokenTable, table, table.length)) {
            return Optional.empty();
        }
        byte[][] tokens = new byte[TOKENS][];
        for (int t = 0; t < TOKENS; t++) {
            int from = index[2 * t] & 0xff | (index[2 * t + 1] & 0xff) << 8;
            int to = from;
            while (to < table.length && table[to] != 0 && to - from <= MAX_TOKEN) {
                to++;
            }
            if (to >= table.length || to - from > MAX_TOKEN) {
                return Optional.empty();
            }
            tokens[t] = Arrays.copyOfRange(table, from, to);
        }
        return Optional.of(tokens);
    }

    int count() {
        return count;
    }

    /** What the names were read from. */
    List<Span> spans() {
        return spans;
    }

    /** Bytes that the names take, or -1 when a name goes beyond the table. */
    int end() {
        int at = 0;
        for (int i = 0; i < count; i++) {
            if (at + 1 >= names.length) {
                return -1;
            }
            int length = names[at++];
            if (length < 0) {
                length = length & 0x7f | (names[at++] & 0xff) << 7;
            }
            if (length == 0 || length > MAX_NAME) {
                return -1;
            }
            at += length;
        }
        return at <= names.length ? at : -1;
    }

    /**
     * Finds names.
     *
     * @return for each name the index of its symbol, or -1. Of several with one name (static functions of different
     *         files) the first global one, else the first
     */
    int[] indexesOf(String[] wanted) {
        int slots = Integer.highestOneBit(Math.max(16, wanted.length) * 4);
        int[] heads = new int[slots];
        int[] next = new int[wanted.length];
        int[] hashes = new int[wanted.length];
        byte[][] bytes = new byte[wanted.length][];
        int[] found = new int[wanted.length];
        boolean[] global = new boolean[wanted.length];
        Arrays.fill(heads, -1);
        Arrays.fill(found, -1);
        for (int w = 0; w < wanted.length; w++) {
            bytes[w] = wanted[w].getBytes(StandardCharsets.UTF_8);
            hashes[w] = hashOf(bytes[w], 0);
            int slot = slot(hashes[w], slots);
            next[w] = heads[slot];
            heads[slot] = w;
        }
        int at = 0;
        for (int i = 0; i < count; i++) {
            int length = names[at++];
            if (length < 0) {
                length = length & 0x7f | (names[at++] & 0xff) << 7;
            }
            int stop = at + length;
            int h = firstHash[names[at] & 0xff];
            for (int j = at + 1; j < stop; j++) {
                int token = names[j] & 0xff;
                h = h * power[token] + hash[token];
            }
            for (int w = heads[slot(h, slots)]; w >= 0; w = next[w]) {
                if (hashes[w] == h && !global[w] && nameIs(at, stop, bytes[w])) {
                    boolean isGlobal = isGlobal(at);
                    if (found[w] < 0 || isGlobal) {
                        found[w] = i;
                        global[w] = isGlobal;
                    }
                }
            }
            at = stop;
        }
        return found;
    }

    /** Takes a symbol. */
    interface Visitor {
        void visit(int index, boolean global, String name);
    }

    void forEach(Visitor visitor) {
        ByteArrayOutputStream name = new ByteArrayOutputStream();
        int at = 0;
        for (int i = 0; i < count; i++) {
            int length = names[at++];
            if (length < 0) {
                length = length & 0x7f | (names[at++] & 0xff) << 7;
            }
            name.reset();
            for (int j = at; j < at + length && name.size() < LONGEST; j++) {
                name.writeBytes(tokens[names[j] & 0xff]);
            }
            if (name.size() > 1) {
                byte[] bytes = name.toByteArray();
                visitor.visit(i, isGlobal(at), new String(bytes, 1, bytes.length - 1, StandardCharsets.UTF_8));
            }
            at += length;
        }
    }

    private static int slot(int hash, int slots) {
        return (hash ^ hash >>> 15) & slots - 1;
    }

    private boolean isGlobal(int at) {
        byte[] first = tokens[names[at] & 0xff];
        return first.length > 0 && Character.isUpperCase(first[0]);
    }

    private boolean nameIs(int from, int to, byte[] name) {
        int n = 0;
        for (int j = from; j < to; j++) {
            byte[] token = tokens[names[j] & 0xff];
            for (int k = j == from ? 1 : 0; k < token.length; k++) {
                if (n >= name.length || token[k] != name[n++]) {
                    return false;
                }
            }
        }
        return n == name.length;
    }
}
