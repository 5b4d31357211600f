// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.kallsyms;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.identify.KernelImage;
import org.xenhpt.identify.kallsyms.AddressTable.Encoding;

/**
 * Finds kallsyms in a kernel's image: by the symbols of its tables that VMCOREINFO lists since 6.0 (5fd8fea935a10,
 * f09bddbd86619), else by the table of tokens, which holds {@code 0\0 1\0 … 9\0} wherever it lies.
 *
 * <p>The order of the tables is, until 6.3: addresses or offsets, relative_base, num_syms, names, markers,
 * seqs_of_names (6.2 and 6.3), token_table, token_index; since 6.4: num_syms, names, markers, token_table, token_index,
 * addresses or offsets, relative_base (until 6.19), seqs_of_names.
 *
 * <p>Neither order nor encoding is taken from the kernel's version, as distributions back-port: every reading that the
 * tables allow is tried, and the one believed whose addresses ascend and in which known symbols are where they are.
 */
final class KallsymsFinder {
    /** Sampled entries of an address table. */
    private static final int SAMPLES = 2048;
    private static final int GROUP = 256;
    private static final int PAGE = 4096;
    /** How far before the tokens the names may begin, in bytes: Debian's need 2 to 5 MiB. */
    private static final int MAX_BEFORE_TOKENS = 16 << 20;
    private static final int TOKENS_BEFORE_ZERO = 0x30;
    private static final int MAX_TOKENS_BYTES = 16 << 10;
    private static final byte[] DIGITS = {'0', 0, '1', 0, '2', 0, '3', 0, '4', 0, '5', 0, '6', 0, '7', 0, '8', 0,
        '9', 0};
    /** Bounds for what a hostile image can make this try. */
    private static final int MAX_DIGITS = 64;
    private static final int MAX_TOKEN_TABLES = 4;
    private static final int MAX_MARKER_ARRAYS = 32;
    /** Bytes that the last 256 names may take, with what lies between them and the markers. */
    private static final int LAST_GROUP = 64 << 10;
    private static final int MAX_NAME_TABLES = 16;
    /** The smallest kernels have more than 4096 symbols. */
    private static final int MIN_GROUPS = 16;

    private final KernelImage image;
    private final Map<String, Long> known;
    private final Collection<String> tried;
    private int tokenTables;
    private int markerArrays;
    private int nameTables;

    KallsymsFinder(KernelImage image, Map<String, Long> known, Collection<String> tried) {
        this.image = image;
        this.known = known;
        this.tried = tried;
    }

    Optional<Kallsyms> find() {
        Optional<Kallsyms> listed = byVmcoreinfo();
        return listed.isPresent() ? listed : byTokens();
    }

    private Optional<Kallsyms> byVmcoreinfo() {
        Long names = known.get("kallsyms_names");
        Long number = known.get("kallsyms_num_syms");
        Long tokenTable = known.get("kallsyms_token_table");
        Long tokenIndex = known.get("kallsyms_token_index");
        if (names == null || number == null || tokenTable == null || tokenIndex == null) {
            return Optional.empty();
        }
        List<AddressTable> readings = new ArrayList<>();
        Long addresses = known.get("kallsyms_addresses");
        Long offsets = known.get("kallsyms_offsets");
        Long base = known.get("kallsyms_relative_base");
        if (addresses != null) {
            readings.add(new AddressTable(Encoding.ABSOLUTE, addresses, 0));
        }
        if (offsets != null) {
            addReadings(readings, offsets, base == null ? 0 : base);
        }
        Optional<NameTable> table = number(number).flatMap(count ->
                NameTable.read(image, names, tokenTable, count, tokenTable, tokenIndex));
        if (table.isEmpty()) {
            tried.add("kallsyms where VMCOREINFO lists it: its names are damaged");
            return Optional.empty();
        }
        return choose(table.get(), readings, "listed in VMCOREINFO");
    }

    private Optional<Integer> number(long gva) {
        byte[] four = new byte[4];
        return image.read(gva, four, 4) ? Optional.of(intAt(four, 0)) : Optional.empty();
    }

    /** @param base GVA of relative_base, 0 when there is none */
    private void addReadings(List<AddressTable> readings, long offsets, long base) {
        if (base != 0 && image.contains(base, image.space().pointerSize())) {
            try {
                long value = image.space().readPointer(base);
                if (image.contains(value) || image.contains(value - 1)) {
                    readings.add(new AddressTable(Encoding.ABSOLUTE_PERCPU, offsets, value));
                    readings.add(new AddressTable(Encoding.BASE_RELATIVE, offsets, value));
                }
            } catch (MemoryFault gone) {
                tried.add("kallsyms_relative_base: " + gone.detail());
            }
        }
        readings.add(new AddressTable(Encoding.PLACE_RELATIVE, offsets, 0));
    }

    private Optional<Kallsyms> choose(NameTable names, List<AddressTable> readings, String how) {
        Set<String> anchors = new HashSet<>(known.keySet());
        anchors.add("_text");
        anchors.add("_stext");
        String[] list = anchors.toArray(String[]::new);
        int[] indexes = names.indexesOf(list);
        for (AddressTable reading : new LinkedHashSet<>(readings)) {
            int right = 0;
            int wrong = 0;
            try {
                for (int i = 0; i < list.length; i++) {
                    if (indexes[i] >= 0) {
                        // An image begins with _text; _stext is the same place, or one in the image's first page.
                        long expected = known.getOrDefault(list[i], image.start());
                        long mask = known.containsKey(list[i]) ? -1 : -PAGE;
                        if ((reading.address(image, indexes[i]) & mask) == expected) {
                            right++;
                        } else {
                            wrong++;
                        }
                    }
                }
                if (right > 0 && wrong <= right / 8 && ascends(reading, names.count())) {
                    return Optional.of(new Kallsyms(image, names, reading, how));
                }
            } catch (MemoryFault beyond) {
                wrong++;
            }
            tried.add("kallsyms " + how + " with addresses " + reading.encoding().label() + ": " + right
                    + " known symbols are in their place, " + wrong + " are not");
        }
        return Optional.empty();
    }

    private boolean ascends(AddressTable reading, int count) {
        int step = Math.max(1, count / SAMPLES);
        long before = reading.address(image, 0);
        int falls = 0;
        int inside = 0;
        int samples = 0;
        for (long i = step; i < count; i += step) {
            long address = reading.address(image, (int) i);
            if (Long.compareUnsigned(address, before) < 0) {
                falls++;
            }
            if (image.contains(address)) {
                inside++;
            }
            samples++;
            before = address;
        }
        return falls <= samples / 100 && inside >= samples / 2;
    }

    private Optional<Kallsyms> byTokens() {
        // The digits begin at any byte; an aligned word inside them has two digits and two zeros.
        List<Kallsyms> found = new ArrayList<>();
        Set<Long> looked = new HashSet<>();
        image.search(image.start(), image.end(), 4, 0x00300030, 0xfff8fff8, gva -> accept(gva, looked, found));
        if (found.isEmpty()) {
            image.search(image.start(), image.end(), 4, 0x30003000, 0xf8fff8ff, gva -> accept(gva, looked, found));
        }
        if (found.isEmpty()) {
            tried.add("a table of kallsyms tokens in the kernel image: none that symbols belong to");
        }
        return found.stream().findFirst();
    }

    private boolean accept(long gva, Set<Long> looked, List<Kallsyms> found) {
        // The word is "0\0 1\0", "1\0 2\0", "\0 1 \0 2" or "\0 2 \0 3", as the digits are aligned.
        byte[] around = new byte[DIGITS.length + 8];
        long from = gva - 4;
        if (!image.read(from, around, around.length)) {
            return false;
        }
        for (int i = 0; i <= 4; i++) {
            if (Arrays.equals(around, i, i + DIGITS.length, DIGITS, 0, DIGITS.length)
                    && looked.size() < MAX_DIGITS && looked.add(from + i)) {
                tokensAt(from + i).flatMap(this::byTokens).ifPresent(found::add);
            }
        }
        return !found.isEmpty();
    }

    private record Tokens(long table, long index) {
    }

    /** The table of tokens around the digits, if the index that it must have follows it. */
    private Optional<Tokens> tokensAt(long zero) {
        byte[] bytes = new byte[2 * MAX_TOKENS_BYTES];
        long from = zero - MAX_TOKENS_BYTES;
        if (!image.read(from, bytes, bytes.length)) {
            return Optional.empty();
        }
        int[] starts = new int[NameTable.TOKENS];
        int at = MAX_TOKENS_BYTES;
        for (int token = TOKENS_BEFORE_ZERO; token > 0; token--) {
            starts[token] = at;
            at -= 2;
            while (at > 0 && bytes[at] != 0) {
                at--;
            }
            at++;
            if (at <= 1) {
                return Optional.empty();
            }
        }
        int end = MAX_TOKENS_BYTES;
        for (int token = TOKENS_BEFORE_ZERO; token < NameTable.TOKENS; token++) {
            starts[token] = end;
            while (end < bytes.length && bytes[end] != 0) {
                end++;
            }
            end++;
        }
        for (int align = 4; align <= 8; align += 4) {
            int index = (int) ((from + end + align - 1 & -align) - from);
            if (index + 2 * NameTable.TOKENS <= bytes.length && isIndexOf(bytes, index, starts)) {
                // The first token's start is told by the index: what lies before it may end in any byte.
                return Optional.of(new Tokens(from + starts[1] - shortAt(bytes, index + 2), from + index));
            }
        }
        return Optional.empty();
    }

    private static boolean isIndexOf(byte[] bytes, int index, int[] starts) {
        if (shortAt(bytes, index) != 0) {
            return false;
        }
        int first = starts[1] - shortAt(bytes, index + 2);
        for (int token = 1; token < NameTable.TOKENS; token++) {
            if (shortAt(bytes, index + 2 * token) != starts[token] - first) {
                return false;
            }
        }
        return true;
    }

    /** Names and addresses around a table of tokens. */
    private Optional<Kallsyms> byTokens(Tokens tokens) {
        if (++tokenTables > MAX_TOKEN_TABLES) {
            return Optional.empty();
        }
        byte[] before = readBefore(tokens.table);
        long from = tokens.table - before.length;
        for (int width = 4; width <= 8; width += 4) {
            for (int at = before.length - 2 * width & -4; at >= 0; at -= 4) {
                int groups = markers(before, at, width);
                if (groups >= MIN_GROUPS && ++markerArrays <= MAX_MARKER_ARRAYS) {
                    Optional<Kallsyms> found = byMarkers(before, from, at, width, groups, tokens);
                    if (found.isPresent()) {
                        return found;
                    }
                }
            }
        }
        return Optional.empty();
    }

    private byte[] readBefore(long gva) {
        long most = Math.min(MAX_BEFORE_TOKENS, gva - image.start());
        long from = gva;
        while (gva - from < most && image.space().find((from - 1) & -PAGE) >= 0) {
            from = (from - 1) & -PAGE;
        }
        // A filtered image leaves out pages of the kernel's image, those of zeros for one: they stay zeros here.
        byte[] bytes = new byte[(int) (gva - from)];
        byte[] page = new byte[PAGE];
        for (int at = 0; at < bytes.length;) {
            int length = (int) Math.min(PAGE - (from + at & PAGE - 1), bytes.length - at);
            if (image.read(from + at, page, length)) {
                System.arraycopy(page, 0, bytes, at, length);
            }
            at += length;
        }
        return bytes;
    }

    /**
     * How many markers begin here: each is the place of 256 more names, the first 0. They were {@code unsigned long}
     * until 4.19 (80ffbaa5b1bd).
     */
    private static int markers(byte[] bytes, int at, int width) {
        if (marker(bytes, at, width) != 0) {
            return 0;
        }
        long before = 0;
        int count = 1;
        for (int i = at + width; i + width <= bytes.length; i += width) {
            long marker = marker(bytes, i, width);
            // A name takes 2 bytes at least, with its length; 512 at most.
            if (marker - before < 2 * GROUP || marker - before > 512 * GROUP) {
                break;
            }
            before = marker;
            count++;
        }
        return count;
    }

    private static long marker(byte[] bytes, int at, int width) {
        long low = intAt(bytes, at) & 0xffffffffL;
        return width == 4 ? low : low | (long) intAt(bytes, at + 4) << 32;
    }

    /** Tries the last markers too: bytes after them may by chance go on as they do. */
    private Optional<Kallsyms> byMarkers(byte[] before, long from, int at, int width, int groups, Tokens tokens) {
        for (int count = groups; count >= Math.max(2, groups - 2); count--) {
            long last = marker(before, at + (count - 1) * width, width);
            long highest = at - last;
            for (long start = highest & -4; start >= 8 && start > highest - LAST_GROUP; start -= 4) {
                // The names follow their number, at the distance of the alignment: 8 bytes on x86-64, seen as 4 in 7.2.
                for (int align = 4; align <= 8; align += 4) {
                    int number = intAt(before, (int) start - align);
                    if (number > (count - 1) * GROUP && number <= count * GROUP) {
                        long names = from + start;
                        Optional<Kallsyms> found = byNames(names, names - align, number, from + at, tokens);
                        if (found.isPresent()) {
                            return found;
                        }
                    }
                }
            }
        }
        return Optional.empty();
    }

    private Optional<Kallsyms> byNames(long names, long number, int count, long markers, Tokens tokens) {
        if (++nameTables > MAX_NAME_TABLES) {
            return Optional.empty();
        }
        Optional<NameTable> table = NameTable.read(image, names, markers, count, tokens.table, tokens.index);
        if (table.isEmpty() || names + table.get().end() + 16 < markers) {
            return Optional.empty();
        }
        int pointer = image.space().pointerSize();
        List<AddressTable> readings = new ArrayList<>();
        for (int align = pointer; align >= 4; align -= 4) {
            // Since 6.4 they follow the index of tokens.
            long after = tokens.index + 2 * NameTable.TOKENS + align - 1 & -align;
            long offsetsLength = 4L * count + align - 1 & -align;
            addReadings(readings, after, after + offsetsLength);
            readings.add(new AddressTable(Encoding.ABSOLUTE, after, 0));
            // Until 6.3 they come before the number of symbols.
            addReadings(readings, number - pointer - offsetsLength, number - pointer);
            addReadings(readings, number - offsetsLength, 0);
            readings.add(new AddressTable(Encoding.ABSOLUTE, number - (long) count * pointer, 0));
        }
        return choose(table.get(), readings, "found by its tokens");
    }

    private static int intAt(byte[] bytes, int at) {
        return bytes[at] & 0xff | (bytes[at + 1] & 0xff) << 8 | (bytes[at + 2] & 0xff) << 16
                | (bytes[at + 3] & 0xff) << 24;
    }

    private static int shortAt(byte[] bytes, int at) {
        return bytes[at] & 0xff | (bytes[at + 1] & 0xff) << 8;
    }
}
