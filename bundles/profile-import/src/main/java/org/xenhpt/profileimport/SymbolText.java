// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import java.util.HashMap;
import java.util.Map;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.Needs;

/**
 * Symbols as {@code System.map} and {@code /proc/kallsyms} list them: {@code address type name}, and in the latter
 * {@code [module]} behind the modules' symbols.
 *
 * @param architecture told from the width of the addresses
 * @param symbols      link addresses
 * @param undone       bytes by which KASLR had moved the addresses; 0 when they were link addresses
 */
record SymbolText(Architecture architecture, Map<String, Long> symbols, long undone) {
    /** Where kernels are linked by default: CONFIG_PHYSICAL_START (16 MiB) above the start of the image's mapping. */
    private static final long LINKED_X86_64 = 0xffffffff81000000L;
    private static final long LINKED_I386 = 0xc1000000L;
    /** KASLR moves by whole CONFIG_PHYSICAL_ALIGN, at least 2 MiB (i386: 8 KiB), and by less than 1 GiB. */
    private static final long ALIGN_X86_64 = 2 << 20;
    private static final long ALIGN_I386 = 8 << 10;
    private static final long FARTHEST = 1L << 30;

    /** Where the text comes from, which decides whether its addresses may have been moved. */
    enum Kind {
        /** A build's System.map: link addresses whatever they are. */
        SYSTEM_MAP,
        /** A running kernel's kallsyms: moved by KASLR. */
        KALLSYMS,
        /** Not told by the name. */
        UNKNOWN
    }

    private static final class Reading {
        private final Map<String, Long> symbols = new HashMap<>();
        /** Rank of the symbol's type: a global one is meant before a local one of the same name. */
        private final Map<String, Integer> ranks = new HashMap<>();
        private Architecture architecture;
        private boolean modules;
        private boolean anyAddress;
        private boolean anyLine;
        private long text = -1;
    }

    static SymbolText read(SourceFile file, Lines lines, Kind kind, Needs needs) {
        Reading reading = new Reading();
        for (String line = lines.next(); line != null; line = lines.next()) {
            if (!line.isBlank()) {
                line(lines, line, reading, needs);
            }
        }
        if (!reading.anyLine || reading.architecture == null && reading.anyAddress) {
            throw file.bad("has no symbols");
        }
        if (!reading.anyAddress) {
            throw file.bad("has only addresses of zero: the kernel hid them from the user who read them")
                    .next("read /proc/kallsyms as root (and with kernel.kptr_restrict below 2)");
        }
        if (reading.text != -1
                && Long.compareUnsigned(reading.text, reading.architecture.lowestImageAddress()) < 0) {
            throw file.bad("has _text at 0x" + Long.toHexString(reading.text) + ", where no x86 kernel lies");
        }
        long moved = moved(file, kind, reading);
        if (moved != 0) {
            long lowest = reading.architecture.lowestImageAddress();
            // Per-CPU symbols of x86-64 lie in the image since 6.15 (9d7de2aa8b41) and move with it; before, they are
            // offsets from 0, and do not.
            reading.symbols.replaceAll((name, address) ->
                    Long.compareUnsigned(address, lowest) >= 0 ? address - moved : address);
        }
        return new SymbolText(reading.architecture, reading.symbols, moved);
    }

    /** Whether a text that begins like this is such a list. */
    static boolean looksLikeIt(String firstLine) {
        return firstLine.strip().matches("([0-9a-fA-F]{8}|[0-9a-fA-F]{16}|\\(null\\)) [A-Za-z?] \\S+(\\s.*)?");
    }

    private static void line(Lines lines, String line, Reading reading, Needs needs) {
        int start = 0;
        while (line.charAt(start) == ' ') {
            start++;
        }
        int space = line.indexOf(' ', start);
        // Every name has at least a character, and so has the type before it.
        if (space < 0 || line.length() < space + 4 || line.charAt(space + 2) != ' ') {
            throw malformed(lines, line);
        }
        long address = address(lines, line, start, space, reading);
        int end = space + 3;
        while (end < line.length() && line.charAt(end) != ' ' && line.charAt(end) != '\t') {
            end++;
        }
        if (end == space + 3) {
            throw malformed(lines, line);
        }
        reading.anyLine = true;
        reading.anyAddress |= address != 0;
        if (line.indexOf('[', end) >= 0) {
            reading.modules = true;
            return;
        }
        String name = line.substring(space + 3, end);
        if (name.equals("_text")) {
            reading.text = address;
        }
        if (needs.wantsSymbol(name) && Names.isUsable(name)) {
            int rank = rank(line.charAt(space + 1));
            Integer known = reading.ranks.get(name);
            if (known == null || rank < known) {
                reading.ranks.put(name, rank);
                reading.symbols.put(name, address);
            }
        }
    }

    private static int rank(char type) {
        return type == 'W' || type == 'V' || type == 'w' || type == 'v' ? 1 : Character.isUpperCase(type) ? 0 : 2;
    }

    private static long address(Lines lines, String line, int start, int end, Reading reading) {
        // Kernels of 2.6.37 and later printed hidden addresses so.
        if (line.startsWith("(null)", start)) {
            return 0;
        }
        int digits = end - start;
        Architecture told = digits == 16 ? Architecture.X86_64 : digits == 8 ? Architecture.I386 : null;
        if (told == null || reading.architecture != null && reading.architecture != told) {
            throw malformed(lines, line);
        }
        reading.architecture = told;
        long value = 0;
        for (int i = start; i < end; i++) {
            int digit = Character.digit(line.charAt(i), 16);
            if (digit < 0) {
                throw malformed(lines, line);
            }
            value = value << 4 | digit;
        }
        return value;
    }

    private static HptException malformed(Lines lines, String line) {
        String shown = line.length() > 60 ? line.substring(0, 60) + "..." : line;
        return lines.bad("is not 'address type name', the address with 8 or 16 digits: "
                + shown.replaceAll("\\p{Cntrl}", "?"));
    }

    /** By how much the addresses were moved. */
    private static long moved(SourceFile file, Kind kind, Reading reading) {
        boolean wide = reading.architecture == Architecture.X86_64;
        long linked = wide ? LINKED_X86_64 : LINKED_I386;
        boolean running = kind == Kind.KALLSYMS || reading.modules;
        if (kind == Kind.SYSTEM_MAP && !reading.modules) {
            return 0;
        }
        if (reading.text == -1) {
            if (running) {
                throw file.bad("does not list _text, so that it cannot be told how far KASLR had moved the addresses")
                        .next("use the System.map of the build");
            }
            return 0;
        }
        long moved = reading.text - linked;
        // Below its default place a kernel was linked on purpose: KASLR only moves up.
        if (moved <= 0) {
            return 0;
        }
        if (moved >= FARTHEST || moved % (wide ? ALIGN_X86_64 : ALIGN_I386) != 0) {
            throw file.bad("has _text at 0x" + Long.toHexString(reading.text)
                    + ", to where KASLR cannot have moved it from 0x" + Long.toHexString(linked))
                    .next("use the System.map of the build; its name must begin with System.map");
        }
        return moved;
    }
}
