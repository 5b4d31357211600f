// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * ELF cores whose segments carry a GPA in {@code p_paddr}: QEMU's {@code dump-guest-memory}, {@code makedumpfile -E},
 * copies of {@code /proc/vmcore} (System V ABI, chapters 4 and 5). What a segment has in memory beyond what it has in
 * the file was filtered out, and is not taken for zeros.
 */
final class ElfCore implements ImageFormat {
    private static final int MAGIC = 0x464c457f;
    private static final int CLASS_32 = 1;
    private static final int CLASS_64 = 2;
    private static final int LITTLE_ENDIAN = 1;
    private static final int ET_CORE = 4;
    private static final int EM_386 = 3;
    private static final int EM_X86_64 = 62;
    private static final int PT_LOAD = 1;
    private static final int PT_NOTE = 4;
    /** In {@code e_phnum}: the number is in {@code sh_info} of the first section header. */
    private static final int PN_XNUM = 0xffff;
    private static final int MAX_SEGMENTS = 1 << 20;
    private static final long NO_ADDRESS = -1;

    private record Segment(int type, long at, long paddr, long fileSize, long memorySize) {
    }

    /** The fields of the two classes. */
    private record Header(boolean wide, long segmentsAt, int segmentSize, long segments) {
        static Header read(ImageBytes image) {
            ByteBuffer ident = image.need(0, 20, "the ELF header");
            int elfClass = ident.get(4);
            if (elfClass != CLASS_32 && elfClass != CLASS_64) {
                throw image.unreadable("ELF class " + (elfClass & 0xff) + " is neither 32 nor 64 bit: damaged");
            }
            if (ident.get(5) != LITTLE_ENDIAN) {
                throw image.unreadable("an ELF file that is not little-endian, so not of an x86 machine");
            }
            int type = ident.getShort(16) & 0xffff;
            if (type != ET_CORE) {
                throw image.unreadable("an ELF file of type " + type + ", not a core (4)")
                        .next("give a dump of the guest's memory, not a program or a kernel");
            }
            int machine = ident.getShort(18) & 0xffff;
            if (machine != EM_386 && machine != EM_X86_64) {
                throw image.unreadable("an ELF core of machine " + machine + ", not of x86 (3 or 62)");
            }
            boolean wide = elfClass == CLASS_64;
            ByteBuffer header = image.need(0, wide ? 64 : 52, "the ELF header");
            long segmentsAt = wide ? header.getLong(32) : Integer.toUnsignedLong(header.getInt(28));
            long sectionsAt = wide ? header.getLong(40) : Integer.toUnsignedLong(header.getInt(32));
            int segmentSize = header.getShort(wide ? 54 : 42) & 0xffff;
            long segments = header.getShort(wide ? 56 : 44) & 0xffff;
            if (segments == PN_XNUM) {
                image.require("the ELF section header that counts the segments", sectionsAt, wide ? 64 : 40);
                segments = Integer.toUnsignedLong(
                        image.need(sectionsAt + (wide ? 44 : 28), Integer.BYTES, "sh_info").getInt(0));
            }
            if (segments == 0) {
                throw image.unreadable("an ELF core without segments")
                        .next("give a dump of the guest's memory");
            }
            if (segments > MAX_SEGMENTS) {
                throw image.unreadable("an ELF core of " + segments + " segments; up to " + MAX_SEGMENTS
                        + " are supported");
            }
            if (segmentSize < (wide ? 56 : 32)) {
                throw image.unreadable("ELF program headers of " + segmentSize + " bytes are too short: damaged");
            }
            image.require("the ELF program headers", segmentsAt, segments * segmentSize);
            return new Header(wide, segmentsAt, segmentSize, segments);
        }

        Segment segment(ImageBytes image, long number) {
            ByteBuffer from = image.need(segmentsAt + number * segmentSize, wide ? 56 : 32,
                    "an ELF program header");
            if (wide) {
                return new Segment(from.getInt(0), from.getLong(8), from.getLong(24), from.getLong(32),
                        from.getLong(40));
            }
            // The sign of -1, which stands for no address, is kept.
            long paddr = from.getInt(12) == -1 ? NO_ADDRESS : word(from, 12);
            return new Segment(from.getInt(0), word(from, 4), paddr, word(from, 16), word(from, 20));
        }

        private static long word(ByteBuffer from, int at) {
            return Integer.toUnsignedLong(from.getInt(at));
        }
    }

    @Override
    public boolean recognises(ImageBytes image, long magic) {
        return (int) magic == MAGIC;
    }

    @Override
    public Image open(ImageBytes image) {
        Header header = Header.read(image);
        List<Extent> stored = new ArrayList<>();
        List<Extent> ram = new ArrayList<>();
        Notes notes = Notes.NONE;
        boolean physical = false;
        for (long number = 0; number < header.segments(); number++) {
            Segment segment = header.segment(image, number);
            if (segment.type() == PT_NOTE) {
                Notes more = Notes.read(image, segment.at(), segment.fileSize(), "the notes of an ELF segment");
                notes = notes.isEmpty() ? more : notes;
            } else if (segment.type() == PT_LOAD && segment.paddr() != NO_ADDRESS) {
                add(image, number, segment, stored, ram);
                physical |= segment.paddr() != 0;
            }
        }
        if (!physical && ram.size() > 1) {
            throw image.unreadable("an ELF core whose segments have no physical addresses: the core of a process,"
                    + " not of a machine").next("make it with QEMU's dump-guest-memory or virsh dump --memory-only");
        }
        return Images.of("ELF core", image, new Extents(stored), new Extents(ram).bytes(), notes);
    }

    private static void add(ImageBytes image, long number, Segment segment, List<Extent> stored,
            List<Extent> ram) {
        long size = segment.fileSize();
        // Writers that do not care about it leave p_memsz 0.
        long memory = Math.max(size, segment.memorySize());
        if (size < 0 || !Extent.isMemory(segment.paddr(), memory)) {
            throw image.unreadable(name(number, segment) + ", has 0x" + Long.toHexString(size)
                    + " bytes in the file and 0x" + Long.toHexString(segment.memorySize()) + " in memory: damaged");
        }
        if (!image.reaches(segment.at(), size)) {
            throw image.truncated(name(number, segment), segment.at(), size);
        }
        if (size > 0) {
            stored.add(new Extent(segment.paddr(), segment.at(), size));
        }
        if (memory > 0) {
            ram.add(new Extent(segment.paddr(), 0, memory));
        }
    }

    private static String name(long number, Segment segment) {
        return "ELF segment " + number + ", GPA 0x" + Long.toHexString(segment.paddr());
    }
}
