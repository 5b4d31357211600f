// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.btf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.xenhpt.api.kernel.Architecture;

/**
 * What a profile needs of an ELF file (System V ABI, chapters 4 and 5; little-endian, x86): its sections and its
 * symbols. Every length is checked against the file's before anything is read by it.
 */
final class ElfFile {
    /** A section: its name, type and flags, GVA, place in the file and length in bytes, linked section, entry size. */
    record Section(String name, int type, long flags, long address, long offset, long size, int link, long entrySize) {
    }

    private static final int NO_BITS = 8;
    private static final int SYMBOLS = 2;
    private static final int NOTE = 7;
    /** Types of symbols that name no place. */
    private static final int SECTION = 3;
    private static final int FILE = 4;
    private static final long COMPRESSED = 0x800;
    private static final int MAX_SECTIONS = 100_000;
    private static final int MAX_NAME = 1024;
    private static final int GNU_BUILD_ID = 3;

    private final FileChannel file;
    private final boolean wide;
    private final Architecture architecture;
    private final List<Section> sections;

    private ElfFile(FileChannel file, boolean wide, Architecture architecture, List<Section> sections) {
        this.file = file;
        this.wide = wide;
        this.architecture = architecture;
        this.sections = sections;
    }

    static boolean isElf(ByteBuffer head) {
        return head.limit() >= 4 && head.order(ByteOrder.BIG_ENDIAN).getInt(0) == 0x7f454c46;
    }

    /** @throws BtfException when it is no ELF file of x86, or damaged */
    static ElfFile open(FileChannel file) throws IOException, BtfException {
        ByteBuffer head = read(file, 0, Math.min(64, file.size()));
        if (head.limit() < 52 || !isElf(head)) {
            throw new BtfException("not an ELF file");
        }
        head.order(ByteOrder.LITTLE_ENDIAN);
        boolean wide = head.get(4) == 2;
        int machine = head.getShort(18);
        if (head.get(5) != 1 || machine != 62 && machine != 3 || wide && head.limit() < 64) {
            throw new BtfException("not an ELF file of x86");
        }
        long table = wide ? head.getLong(0x28) : head.getInt(0x20) & 0xffffffffL;
        int entry = wide ? 64 : 40;
        int count = head.getShort(wide ? 0x3c : 0x30) & 0xffff;
        int names = head.getShort(wide ? 0x3e : 0x32) & 0xffff;
        if (head.getShort(wide ? 0x3a : 0x2e) != entry || count == 0 || count > MAX_SECTIONS || names >= count) {
            throw new BtfException("has no section table");
        }
        ByteBuffer bytes = read(file, table, (long) entry * count);
        List<Section> unnamed = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            unnamed.add(section("", bytes, i * entry, wide));
        }
        ByteBuffer strings = read(file, unnamed.get(names).offset(), unnamed.get(names).size());
        List<Section> sections = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            sections.add(section(string(strings, bytes.getInt(i * entry)), bytes, i * entry, wide));
        }
        return new ElfFile(file, wide, machine == 62 ? Architecture.X86_64 : Architecture.I386, sections);
    }

    private static Section section(String name, ByteBuffer b, int at, boolean wide) {
        return wide
                ? new Section(name, b.getInt(at + 4), b.getLong(at + 8), b.getLong(at + 16), b.getLong(at + 24),
                        b.getLong(at + 32), b.getInt(at + 40), b.getLong(at + 56))
                : new Section(name, b.getInt(at + 4), unsigned(b, at + 8), unsigned(b, at + 12), unsigned(b, at + 16),
                        unsigned(b, at + 20), b.getInt(at + 24), unsigned(b, at + 36));
    }

    private static long unsigned(ByteBuffer b, int at) {
        return b.getInt(at) & 0xffffffffL;
    }

    Architecture architecture() {
        return architecture;
    }

    Optional<Section> section(String name) {
        return sections.stream().filter(s -> s.name().equals(name)).findFirst();
    }

    /** The bytes of a section, mapped. */
    ByteBuffer bytes(Section section) throws IOException, BtfException {
        if (section.type() == NO_BITS || (section.flags() & COMPRESSED) != 0) {
            throw new BtfException("section " + section.name() + " is compressed or not in the file");
        }
        return read(file, section.offset(), section.size());
    }

    /** Values of those of the wanted symbols that .symtab lists, global ones before local ones. */
    Map<String, Long> symbols(Predicate<String> wanted) throws IOException, BtfException {
        Map<String, Long> found = new HashMap<>();
        Set<String> global = new HashSet<>();
        for (Section section : sections) {
            int entry = wide ? 24 : 16;
            if (section.type() != SYMBOLS || section.entrySize() != entry || section.link() < 0
                    || section.link() >= sections.size()) {
                continue;
            }
            ByteBuffer table = bytes(section);
            ByteBuffer strings = bytes(sections.get(section.link()));
            for (int at = entry; at + entry <= table.limit(); at += entry) {
                int sectionIndex = table.getShort(at + (wide ? 6 : 14));
                int type = table.get(at + (wide ? 4 : 12)) & 0xf;
                String name = string(strings, table.getInt(at));
                if (sectionIndex == 0 || type == SECTION || type == FILE || name.isEmpty() || !wanted.test(name)) {
                    continue;
                }
                long value = wide ? table.getLong(at + 8) : unsigned(table, at + 4);
                boolean isGlobal = table.get(at + (wide ? 4 : 12)) >>> 4 != 0;
                if (!found.containsKey(name) || isGlobal && global.add(name)) {
                    found.put(name, value);
                }
            }
        }
        return found;
    }

    /** The bytes at a link address, or empty when no section holds them. */
    Optional<byte[]> at(long address, int length) throws IOException, BtfException {
        for (Section section : sections) {
            long into = address - section.address();
            if (section.address() != 0 && section.type() != NO_BITS && into >= 0 && into < section.size()) {
                byte[] bytes = new byte[(int) Math.min(length, section.size() - into)];
                read(file, section.offset() + into, bytes.length).get(0, bytes);
                return Optional.of(bytes);
            }
        }
        return Optional.empty();
    }

    /** The GNU build id in lower-case hexadecimal, or an empty text. */
    String buildId() throws IOException, BtfException {
        for (Section section : sections) {
            if (section.type() != NOTE || (section.flags() & COMPRESSED) != 0) {
                continue;
            }
            ByteBuffer b = bytes(section);
            long at = 0;
            while (at + 16 <= b.limit()) {
                int here = (int) at;
                long nameLength = unsigned(b, here);
                long length = unsigned(b, here + 4);
                long content = here + 12 + (nameLength + 3 & -4);
                if (nameLength == 4 && b.getInt(here + 8) == GNU_BUILD_ID && b.getInt(here + 12) == 0x00554e47
                        && length >= 8 && length <= 64 && content + length <= b.limit()) {
                    StringBuilder hex = new StringBuilder();
                    for (int i = 0; i < length; i++) {
                        hex.append(String.format("%02x", b.get((int) content + i)));
                    }
                    return hex.toString();
                }
                at = content + (length + 3 & -4);
            }
        }
        return "";
    }

    private static ByteBuffer read(FileChannel file, long offset, long length) throws IOException, BtfException {
        if (offset < 0 || length < 0 || length > Integer.MAX_VALUE || offset > file.size() - length) {
            throw new BtfException("truncated: what it says to hold goes beyond its end");
        }
        return file.map(MapMode.READ_ONLY, offset, length).order(ByteOrder.LITTLE_ENDIAN);
    }

    private static String string(ByteBuffer strings, int offset) {
        if (offset < 0 || offset >= strings.limit()) {
            return "";
        }
        int end = offset;
        while (end < strings.limit() && end - offset < MAX_NAME && strings.get(end) != 0) {
            end++;
        }
        byte[] bytes = new byte[end - offset];
        strings.get(offset, bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }
}
