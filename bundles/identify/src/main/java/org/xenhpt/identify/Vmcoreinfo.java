// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The text in which a kernel describes itself to crash dump tools (kernel/vmcore_info.c;
 * Documentation/admin-guide/kdump/vmcoreinfo.rst). It is a claim: copies of earlier boots stay in memory, so whoever
 * uses it checks it.
 *
 * @param release      OSRELEASE
 * @param buildId      BUILD-ID in lower-case hexadecimal (since 5.9, 0935288c6e00), or empty
 * @param symbols      SYMBOL(name): GVAs as they are in the running kernel
 * @param numbers      NUMBER(name), decimal and signed
 * @param offsets      OFFSET(struct.member), in bytes
 * @param kernelOffset KERNELOFFSET: the KASLR offset; x86-64 only
 * @param crashed      whether the kernel wrote down the time of its panic (CRASHTIME)
 * @param pae          whether CONFIG_X86_PAE=y is listed
 */
record Vmcoreinfo(String release, String buildId, Map<String, Long> symbols, Map<String, Long> numbers,
        Map<String, Long> offsets, OptionalLong kernelOffset, boolean crashed, boolean pae) {

    /** The kernel gives it one page (VMCOREINFO_BYTES). */
    static final int MAX_BYTES = 4096;
    static final String FIRST_KEY = "OSRELEASE=";
    /** More than any kernel lists. */
    private static final int MAX_LINES = 512;
    /** __NEW_UTS_LEN. */
    private static final int MAX_RELEASE = 64;

    Vmcoreinfo {
        symbols = Collections.unmodifiableMap(symbols);
        numbers = Collections.unmodifiableMap(numbers);
        offsets = Collections.unmodifiableMap(offsets);
    }

    /**
     * Reads the text up to its end: a NUL, or the first byte that no such text has.
     *
     * @return empty when it does not begin as one, or lacks what every kernel lists
     */
    static Optional<Vmcoreinfo> parse(byte[] bytes, int length) {
        int end = 0;
        while (end < length && end < MAX_BYTES && (bytes[end] >= ' ' && bytes[end] <= '~' || bytes[end] == '\n')) {
            end++;
        }
        return parse(new String(bytes, 0, end, StandardCharsets.US_ASCII));
    }

    static Optional<Vmcoreinfo> parse(String text) {
        if (!text.startsWith(FIRST_KEY)) {
            return Optional.empty();
        }
        String bounded = text.length() > MAX_BYTES ? text.substring(0, MAX_BYTES) : text;
        String release = "";
        String buildId = "";
        Map<String, Long> symbols = new HashMap<>();
        Map<String, Long> numbers = new HashMap<>();
        Map<String, Long> offsets = new HashMap<>();
        OptionalLong kernelOffset = OptionalLong.empty();
        boolean crashed = false;
        boolean pae = false;
        for (String line : bounded.split("\n", MAX_LINES)) {
            int equals = line.indexOf('=');
            if (equals <= 0) {
                continue;
            }
            String key = line.substring(0, equals);
            String value = line.substring(equals + 1);
            switch (key) {
                case "OSRELEASE" -> release = value;
                case "BUILD-ID" -> buildId = value.matches("[0-9a-f]{16,128}") ? value : "";
                case "KERNELOFFSET" -> kernelOffset = number(value, 16);
                case "CRASHTIME" -> crashed = true;
                case "CONFIG_X86_PAE" -> pae = value.equals("y");
                default -> {
                    put(symbols, key, "SYMBOL(", value, 16);
                    put(numbers, key, "NUMBER(", value, 10);
                    put(offsets, key, "OFFSET(", value, 10);
                }
            }
        }
        if (release.isEmpty() || release.length() > MAX_RELEASE || release.indexOf(' ') >= 0) {
            return Optional.empty();
        }
        return Optional.of(new Vmcoreinfo(release, buildId, symbols, numbers, offsets, kernelOffset, crashed, pae));
    }

    private static void put(Map<String, Long> to, String key, String prefix, String value, int radix) {
        if (key.startsWith(prefix) && key.endsWith(")")) {
            number(value, radix).ifPresent(n -> to.put(key.substring(prefix.length(), key.length() - 1), n));
        }
    }

    private static OptionalLong number(String text, int radix) {
        try {
            return OptionalLong.of(radix == 16 ? Long.parseUnsignedLong(text, 16) : Long.parseLong(text));
        } catch (NumberFormatException notANumber) {
            return OptionalLong.empty();
        }
    }

    OptionalLong symbol(String name) {
        Long value = symbols.get(name);
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    /**
     * GVA of the kernel's own top-level page table: init_top_pgt, called init_level4_pgt before 4.13 (65ade2f872b4).
     */
    OptionalLong topLevelTable() {
        for (String name : new String[] {"swapper_pg_dir", "init_top_pgt", "init_level4_pgt"}) {
            if (symbols.containsKey(name)) {
                return symbol(name);
            }
        }
        return OptionalLong.empty();
    }

    /** Whether its symbols lie where x86-64 kernels lie; 32-bit addresses are those of i386. */
    boolean is64Bit() {
        return symbols.values().stream().anyMatch(gva -> gva < 0);
    }
}
