// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Writes ELF cores by the System V ABI: header, program headers, contents one after the other. */
final class ElfImage {
    static final int PT_LOAD = 1;
    static final int PT_NOTE = 4;

    private record Segment(int type, long vaddr, long paddr, long memorySize, byte[] content) {
    }

    private final boolean wide;
    private final List<Segment> segments = new ArrayList<>();
    private boolean countInSection;
    private int gap;

    ElfImage(boolean wide) {
        this.wide = wide;
    }

    /** Puts this many bytes between the headers and the first content, so that pages lie across pages of the file. */
    ElfImage gap(int bytes) {
        gap = bytes;
        return this;
    }

    ElfImage load(long paddr, byte[] content) {
        return load(0, paddr, content.length, content);
    }

    ElfImage load(long vaddr, long paddr, long memorySize, byte[] content) {
        segments.add(new Segment(PT_LOAD, vaddr, paddr, memorySize, content));
        return this;
    }

    ElfImage notes(byte[] notes) {
        segments.add(new Segment(PT_NOTE, 0, 0, notes.length, notes));
        return this;
    }

    /** Counts the segments in {@code sh_info} of a section header at the end, as is done from 65,535 on. */
    ElfImage countInSection() {
        countInSection = true;
        return this;
    }

    int headerSize() {
        return wide ? 64 : 52;
    }

    /** Offset of a program header. */
    int segmentAt(int number) {
        return headerSize() + number * (wide ? 56 : 32);
    }

    byte[] bytes() {
        int at = segmentAt(segments.size()) + gap;
        int sectionAt = at + segments.stream().mapToInt(segment -> segment.content.length).sum();
        ByteBuffer file = ByteBuffer.allocate(sectionAt + (countInSection ? 64 : 0)).order(ByteOrder.LITTLE_ENDIAN);
        file.put(new byte[] {0x7f, 'E', 'L', 'F', (byte) (wide ? 2 : 1), 1, 1});
        file.putShort(16, (short) 4).putShort(18, (short) (wide ? 62 : 3)).putInt(20, 1);
        int count = countInSection ? 0xffff : segments.size();
        if (wide) {
            file.putLong(32, 64).putLong(40, countInSection ? sectionAt : 0);
            file.putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) count);
        } else {
            file.putInt(28, 52).putInt(32, countInSection ? sectionAt : 0);
            file.putShort(40, (short) 52).putShort(42, (short) 32).putShort(44, (short) count);
        }
        if (countInSection) {
            file.putInt(sectionAt + (wide ? 44 : 28), segments.size());
        }
        for (int i = 0; i < segments.size(); i++) {
            Segment segment = segments.get(i);
            int header = segmentAt(i);
            file.putInt(header, segment.type);
            if (wide) {
                file.putLong(header + 8, at).putLong(header + 16, segment.vaddr).putLong(header + 24, segment.paddr);
                file.putLong(header + 32, segment.content.length).putLong(header + 40, segment.memorySize);
            } else {
                file.putInt(header + 4, at).putInt(header + 8, (int) segment.vaddr);
                file.putInt(header + 12, (int) segment.paddr);
                file.putInt(header + 16, segment.content.length).putInt(header + 20, (int) segment.memorySize);
            }
            file.put(at, segment.content);
            at += segment.content.length;
        }
        return file.array();
    }

    static byte[] note(String name, int type, byte[] content) {
        int nameSize = name.length() + 1;
        ByteBuffer note = ByteBuffer.allocate(12 + (nameSize + 3 & -4) + (content.length + 3 & -4))
                .order(ByteOrder.LITTLE_ENDIAN);
        note.putInt(nameSize).putInt(content.length).putInt(type);
        note.put(name.getBytes(StandardCharsets.ISO_8859_1));
        note.put(12 + (nameSize + 3 & -4), content);
        return note.array();
    }

    /** A {@code struct elf_prstatus} of x86-64. */
    static byte[] prstatus64(long rip, long rsp) {
        ByteBuffer content = ByteBuffer.allocate(336).order(ByteOrder.LITTLE_ENDIAN);
        content.putInt(32, 1);
        content.putLong(112 + 16 * 8, rip).putLong(112 + 17 * 8, 0x10).putLong(112 + 18 * 8, 0x246);
        content.putLong(112 + 19 * 8, rsp).putLong(112 + 20 * 8, 0x18).putLong(112 + 22 * 8, 0xbad);
        return note("CORE", 1, content.array());
    }

    static byte[] prstatus32(int eip, int esp) {
        ByteBuffer content = ByteBuffer.allocate(144).order(ByteOrder.LITTLE_ENDIAN);
        content.putInt(72 + 12 * 4, eip).putInt(72 + 13 * 4, 0x60).putInt(72 + 14 * 4, 0x246);
        content.putInt(72 + 15 * 4, esp).putInt(72 + 16 * 4, 0x68);
        return note("CORE", 1, content.array());
    }

    /** QEMU's CPUState: each register's value is the base and what names it. */
    static byte[] qemu(long base) {
        ByteBuffer content = ByteBuffer.allocate(440).order(ByteOrder.LITTLE_ENDIAN);
        content.putInt(0, 1).putInt(4, 440);
        content.putLong(56, base | 1).putLong(136, base | 2).putLong(144, base | 3);
        content.putInt(152, 0x33).putInt(272, 0x2b);
        content.putLong(240, base | 4).putLong(264, base | 5).putLong(336, base | 6).putLong(360, base | 7);
        content.putLong(384, base | 8);
        content.putLong(392, base | 0x10).putLong(408, base | 0x12).putLong(416, base | 0x13);
        content.putLong(424, base | 0x14).putLong(432, base | 9);
        return note("QEMU", 0, content.array());
    }

    static byte[] join(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }
}
