// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;

/**
 * What {@code xl dump-core} writes of an HVM or PVH guest: an ELF core of sections instead of segments, with a page of
 * {@code .xen_pages} for each frame number of {@code .xen_pfn}, in any order (Xen, docs/misc/dump-core-format.txt).
 */
final class XenCore implements ImageFormat {
    private static final int MAGIC = 0x464c457f;
    private static final int CLASS_64 = 2;
    private static final int LITTLE_ENDIAN = 1;
    private static final int ET_CORE = 4;
    private static final int EM_386 = 3;
    private static final int EM_X86_64 = 62;
    private static final int ELF_HEADER = 64;
    private static final int SECTION_HEADER = 64;
    private static final int LONGEST_NAME = 32;

    private static final int NOTE_HEADER = 12;
    private static final int MAX_NOTES = 64;
    private static final int NOTE_OF_HEADER = 0x2000001;
    private static final int NOTE_OF_FORMAT = 0x2000003;
    private static final long PV_MAGIC = 0xf00febedL;
    private static final long HVM_MAGIC = 0xf00febeeL;

    private static final long NO_PAGE = -1;
    /** Entries of a list of frames that are read at once. */
    private static final int CHUNK = 8192;
    /** xl writes a handful, as it goes through the guest's memory once. */
    private static final int MAX_STRETCHES = 1 << 20;

    /** Xen has no more for an HVM guest (HVM_MAX_VCPUS is 128). */
    private static final int MAX_VCPUS = 8192;
    /** {@code sizeof(vcpu_guest_context_t)} of a 64-bit Domain 0 (public/arch-x86/xen.h). */
    private static final int CONTEXT = 5168;

    /** A section of the file. */
    private record Section(String name, long at, long size) {
    }

    /** What the note of the header tells. */
    private record Header(long magic, long pages, long pageSize, long format) {
    }

    /** {@inheritDoc} ELF cores of machines have segments; Xen's have none. */
    @Override
    public boolean recognises(ImageBytes image, long magic) {
        if ((int) magic != MAGIC || !image.reaches(0, ELF_HEADER)) {
            return false;
        }
        ByteBuffer header = image.need(0, ELF_HEADER, "the ELF header");
        int machine = header.getShort(18);
        return header.get(4) == CLASS_64 && header.get(5) == LITTLE_ENDIAN && header.getShort(16) == ET_CORE
                && (machine == EM_386 || machine == EM_X86_64) && header.getShort(56) == 0
                && header.getShort(60) != 0;
    }

    @Override
    public Image open(ImageBytes image) {
        Map<String, Section> sections = sections(image);
        Section note = sections.get(".note.Xen");
        if (note == null) {
            throw image.unreadable("an ELF core without segments, and without the section .note.Xen that a core of"
                    + " xl dump-core has").next("give a dump of the guest's memory");
        }
        Header header = header(image, note);
        if (header.magic == PV_MAGIC) {
            throw image.unreadable("a core of a Xen PV guest: not supported, as such a guest's memory has no layout of"
                    + " its own").next("HVM and PVH guests are supported");
        }
        if (header.magic != HVM_MAGIC) {
            throw image.unreadable("a core of xl dump-core with magic number 0x" + Long.toHexString(header.magic)
                    + " instead of 0x" + Long.toHexString(HVM_MAGIC) + ": damaged");
        }
        if (header.format >>> 32 != 0) {
            throw image.unreadable("a core of xl dump-core in format version " + (header.format >>> 32) + "."
                    + (header.format & 0xffffffffL) + "; version 0 is supported");
        }
        if (header.pageSize != Extents.PAGE) {
            throw image.unreadable("a core of xl dump-core with pages of " + Long.toUnsignedString(header.pageSize)
                    + " bytes, not 4096: not of an x86 guest, or damaged");
        }
        boolean pairs = !sections.containsKey(".xen_pfn");
        Section frames = needed(image, sections, pairs ? ".xen_p2m" : ".xen_pfn");
        Section pages = needed(image, sections, ".xen_pages");
        int entry = pairs ? 2 * Long.BYTES : Long.BYTES;
        if (header.pages < 0 || header.pages > pages.size / Extents.PAGE || header.pages > frames.size / entry) {
            throw image.unreadable("a core of xl dump-core that says to have " + Long.toUnsignedString(header.pages)
                    + " pages, and has room for " + pages.size / Extents.PAGE + " and frame numbers for "
                    + frames.size / entry + ": damaged");
        }
        List<Extent> found = stretches(image, frames, entry, header.pages, pages.at);
        return Images.of("Xen core", image, found, new Notes(registers(image, sections), Optional.empty()));
    }

    private static Map<String, Section> sections(ImageBytes image) {
        ByteBuffer elf = image.need(0, ELF_HEADER, "the ELF header");
        long headersAt = elf.getLong(40);
        int size = elf.getShort(58) & 0xffff;
        int count = elf.getShort(60) & 0xffff;
        int names = elf.getShort(62) & 0xffff;
        if (size < SECTION_HEADER || names >= count) {
            throw image.unreadable("ELF section headers of " + size + " bytes, names in section " + names + " of "
                    + count + ": damaged");
        }
        image.require("the ELF section headers", headersAt, (long) count * size);
        ByteBuffer header = image.need(headersAt + (long) names * size, SECTION_HEADER, "an ELF section header");
        long namesAt = header.getLong(24);
        long namesSize = header.getLong(32);
        image.require("the names of the ELF sections", namesAt, namesSize);
        Map<String, Section> sections = new HashMap<>();
        for (int number = 1; number < count; number++) {
            header = image.need(headersAt + (long) number * size, SECTION_HEADER, "an ELF section header");
            long name = Integer.toUnsignedLong(header.getInt(0));
            if (name < namesSize) {
                String text = text(image, namesAt + name, Math.min(LONGEST_NAME, namesSize - name));
                sections.putIfAbsent(text, new Section(text, header.getLong(24), header.getLong(32)));
            }
        }
        return sections;
    }

    private static String text(ImageBytes image, long at, long size) {
        String text = new String(image.need(at, (int) size, "the name of an ELF section").array(),
                StandardCharsets.ISO_8859_1);
        int nul = text.indexOf('\0');
        return nul < 0 ? text : text.substring(0, nul);
    }

    private static Section needed(ImageBytes image, Map<String, Section> sections, String name) {
        Section section = sections.get(name);
        if (section == null) {
            throw image.unreadable("a core of xl dump-core without its section " + name + ": damaged");
        }
        image.require("section " + name, section.at, section.size);
        return section;
    }

    private static Header header(ImageBytes image, Section note) {
        image.require("section .note.Xen", note.at, note.size);
        long magic = 0;
        long pages = 0;
        long pageSize = 0;
        long format = 0;
        long at = note.at;
        long end = note.at + note.size;
        for (int i = 0; i < MAX_NOTES && end - at >= NOTE_HEADER; i++) {
            ByteBuffer header = image.need(at, NOTE_HEADER, "a note of .note.Xen");
            long content = at + NOTE_HEADER + padded(header.getInt(0));
            long size = Integer.toUnsignedLong(header.getInt(4));
            if (content + size > end) {
                break;
            }
            if (header.getInt(8) == NOTE_OF_HEADER && size >= 32) {
                ByteBuffer words = image.need(content, 32, "the header note of .note.Xen");
                magic = words.getLong(0);
                pages = words.getLong(16);
                pageSize = words.getLong(24);
            } else if (header.getInt(8) == NOTE_OF_FORMAT && size >= 8) {
                format = image.need(content, 8, "the version note of .note.Xen").getLong(0);
            }
            at = content + padded(header.getInt(4));
        }
        return new Header(magic, pages, pageSize, format);
    }

    private static long padded(int size) {
        return Integer.toUnsignedLong(size) + 3 & -4;
    }

    /** Neighbouring frames whose pages follow one another in the file are one stretch. */
    private static List<Extent> stretches(ImageBytes image, Section frames, int entry, long count, long pagesAt) {
        List<Extent> found = new ArrayList<>();
        long first = 0;
        long firstAt = 0;
        long pages = 0;
        for (long from = 0; from < count; from += CHUNK) {
            int chunk = (int) Math.min(CHUNK, count - from);
            ByteBuffer numbers = image.need(frames.at + from * entry, chunk * entry, "section " + frames.name);
            for (int i = 0; i < chunk; i++) {
                long gfn = numbers.getLong(i * entry);
                long at = pagesAt + (from + i) * Extents.PAGE;
                if (gfn == first + pages && at == firstAt + pages * Extents.PAGE && pages > 0) {
                    pages++;
                    continue;
                }
                // Of pages that the guest gave back during a live dump, the number is NO_PAGE.
                if (gfn != NO_PAGE && (gfn < 0 || gfn >= Extent.MAX_GPA / Extents.PAGE)) {
                    throw image.unreadable("frame number 0x" + Long.toHexString(gfn) + " in section " + frames.name
                            + " is none that an x86 guest can have: damaged");
                }
                add(image, found, first, firstAt, pages);
                first = gfn;
                firstAt = at;
                pages = gfn == NO_PAGE ? 0 : 1;
            }
        }
        add(image, found, first, firstAt, pages);
        return found;
    }

    private static void add(ImageBytes image, List<Extent> to, long gfn, long at, long pages) {
        if (pages == 0) {
            return;
        }
        if (to.size() == MAX_STRETCHES) {
            throw image.unreadable("pages in more than " + MAX_STRETCHES + " stretches; up to that are supported");
        }
        to.add(new Extent(gfn * Extents.PAGE, at, pages * Extents.PAGE));
    }

    /** Without the section, or with contexts of another size than ours, the image just has no registers. */
    private static List<VcpuRegisters> registers(ImageBytes image, Map<String, Section> sections) {
        Section section = sections.get(".xen_prstatus");
        if (section == null || section.size % CONTEXT != 0) {
            return List.of();
        }
        image.require("section .xen_prstatus", section.at, section.size);
        List<VcpuRegisters> all = new ArrayList<>();
        for (int vcpu = 0; vcpu < Math.min(section.size / CONTEXT, MAX_VCPUS); vcpu++) {
            ByteBuffer context = image.need(section.at + (long) vcpu * CONTEXT, CONTEXT, "a vCPU's context");
            all.add(registers(vcpu, context));
        }
        return List.copyOf(all);
    }

    private static VcpuRegisters registers(int vcpu, ByteBuffer context) {
        int user = 520;
        int control = 4984;
        Map<Register, Long> values = new EnumMap<>(Register.class);
        long cs = context.getShort(user + 136) & 0xffff;
        values.put(Register.RIP, context.getLong(user + 128));
        values.put(Register.CS, cs);
        values.put(Register.RFLAGS, context.getLong(user + 144));
        values.put(Register.RSP, context.getLong(user + 152));
        values.put(Register.SS, context.getShort(user + 160) & 0xffffL);
        values.put(Register.CR0, context.getLong(control));
        values.put(Register.CR2, context.getLong(control + 2 * Long.BYTES));
        values.put(Register.CR3, context.getLong(control + 3 * Long.BYTES));
        values.put(Register.CR4, context.getLong(control + 4 * Long.BYTES));
        values.put(Register.FS_BASE, context.getLong(5144));
        // Xen sorts the two by the ring (arch_get_info_guest); the CPU's own order is the other one in user mode.
        boolean kernel = (cs & 3) == 0;
        values.put(Register.GS_BASE, context.getLong(kernel ? 5152 : 5160));
        values.put(Register.KERNEL_GS_BASE, context.getLong(kernel ? 5160 : 5152));
        return new VcpuRegisters(vcpu, values);
    }
}
