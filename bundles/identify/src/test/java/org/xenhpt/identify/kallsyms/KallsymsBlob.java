// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.kallsyms;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.xenhpt.identify.kallsyms.AddressTable.Encoding;

/** Writes the tables of kallsyms as the kernel's build does, in any of its orders and encodings. */
public final class KallsymsBlob {
    /** A symbol; its address is a GVA, or a per-CPU offset. */
    public record Symbol(String name, char type, long address) {
    }

    /** Where the tables stand. */
    public enum Order {
        /** Until 6.1: addresses, number, names, markers, tokens. */
        ADDRESSES_FIRST,
        /** 6.2 and 6.3: as before, with seqs_of_names before the tokens. */
        ADDRESSES_FIRST_WITH_SEQS,
        /** Since 6.4: number, names, markers, tokens, addresses. */
        ADDRESSES_LAST
    }

    private static final String[] TOKENS = {"symbol_", "init_", "task", "_start", "ab", "_of", "T", "tables"};

    private final long start;
    private final int pointer;
    private final int align;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final Map<String, Long> labels = new LinkedHashMap<>();
    private final String[] tokens = new String[256];

    private KallsymsBlob(long start, int pointer, int align) {
        this.start = start;
        this.pointer = pointer;
        this.align = align;
        int next = 0;
        for (int i = 0; i < 256; i++) {
            boolean single = i >= '0' && i <= '9' || i >= 'A' && i <= 'Z' || i >= 'a' && i <= 'z' || i == '_'
                    || i == '.' || i == '$';
            tokens[i] = single ? String.valueOf((char) i) : next < TOKENS.length ? TOKENS[next] : "q" + i + "z";
            next += single ? 0 : 1;
        }
    }

    /**
     * @param start       GVA of the first byte
     * @param pointer     4 or 8
     * @param align       of each table, 4 or 8
     * @param markerWidth 4, or 8 as before 4.20 on x86-64
     */
    public static KallsymsBlob of(List<Symbol> symbols, Order order, Encoding encoding, long start, int pointer,
            int align, int markerWidth) {
        KallsymsBlob blob = new KallsymsBlob(start, pointer, align);
        List<Symbol> sorted = new ArrayList<>(symbols);
        sorted.sort(Comparator.comparing(Symbol::address, Long::compareUnsigned));
        if (order == Order.ADDRESSES_LAST) {
            blob.names(sorted, markerWidth);
            blob.tokens();
            blob.addresses(sorted, encoding);
            blob.seqs(sorted.size());
        } else {
            blob.addresses(sorted, encoding);
            blob.names(sorted, markerWidth);
            if (order == Order.ADDRESSES_FIRST_WITH_SEQS) {
                blob.seqs(sorted.size());
            }
            blob.tokens();
        }
        return blob;
    }

    public byte[] bytes() {
        return out.toByteArray();
    }

    /** GVAs of the tables by their symbols. */
    public Map<String, Long> labels() {
        return labels;
    }

    private void label(String name) {
        while (out.size() % align != 0) {
            out.write(0);
        }
        labels.put(name, start + out.size());
    }

    private void write(long value, int size) {
        for (int i = 0; i < size; i++) {
            out.write((int) (value >>> 8 * i));
        }
    }

    private void names(List<Symbol> symbols, int markerWidth) {
        label("kallsyms_num_syms");
        write(symbols.size(), 4);
        label("kallsyms_names");
        int begin = out.size();
        List<Integer> markers = new ArrayList<>();
        for (int i = 0; i < symbols.size(); i++) {
            if (i % 256 == 0) {
                markers.add(out.size() - begin);
            }
            byte[] name = compress(symbols.get(i).type() + symbols.get(i).name());
            if (name.length >= 0x80) {
                out.write(0x80 | name.length & 0x7f);
                out.write(name.length >> 7);
            } else {
                out.write(name.length);
            }
            out.writeBytes(name);
        }
        label("kallsyms_markers");
        markers.forEach(marker -> write(marker, markerWidth));
    }

    private byte[] compress(String text) {
        ByteArrayOutputStream compressed = new ByteArrayOutputStream();
        int at = 0;
        while (at < text.length()) {
            int best = text.charAt(at);
            for (int i = 0; i < 256; i++) {
                if (tokens[i].length() > tokens[best].length() && text.startsWith(tokens[i], at)) {
                    best = i;
                }
            }
            compressed.write(best);
            at += tokens[best].length();
        }
        return compressed.toByteArray();
    }

    private void tokens() {
        label("kallsyms_token_table");
        List<Integer> index = new ArrayList<>();
        int begin = out.size();
        for (String token : tokens) {
            index.add(out.size() - begin);
            out.writeBytes(token.getBytes(StandardCharsets.US_ASCII));
            out.write(0);
        }
        label("kallsyms_token_index");
        index.forEach(i -> write(i, 2));
    }

    private void seqs(int count) {
        label("kallsyms_seqs_of_names");
        for (int i = 0; i < count; i++) {
            out.write(i >> 16);
            out.write(i >> 8);
            out.write(i | 1);
        }
    }

    private void addresses(List<Symbol> symbols, Encoding encoding) {
        label(encoding == Encoding.ABSOLUTE ? "kallsyms_addresses" : "kallsyms_offsets");
        long base = symbols.stream().map(Symbol::address).filter(a -> Long.compareUnsigned(a, 0x40000000L) >= 0)
                .min(Long::compareUnsigned).orElseThrow();
        for (Symbol symbol : symbols) {
            long address = symbol.address();
            switch (encoding) {
                case ABSOLUTE -> write(address, pointer);
                case ABSOLUTE_PERCPU ->
                    write(Long.compareUnsigned(address, base) < 0 ? address : base - 1 - address, 4);
                case BASE_RELATIVE -> write(address - base, 4);
                case PLACE_RELATIVE -> write(address - (start + out.size()), 4);
            }
        }
        if (encoding == Encoding.ABSOLUTE_PERCPU || encoding == Encoding.BASE_RELATIVE) {
            label("kallsyms_relative_base");
            write(base, pointer);
        }
    }
}
