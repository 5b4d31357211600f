// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * Writes what {@code xl dump-core} does, by Xen's docs/misc/dump-core-format.txt and in the order of its own writer:
 * header, section headers, notes, contexts, the shared page, pages, frame numbers, names.
 */
final class XenCoreImage {
    static final int SECTION_HEADERS = 64;
    /** Offset of the header note's four words. */
    static final int HEADER_NOTE = SECTION_HEADERS + 7 * 64 + 16 + 16;
    static final int CONTEXT = 5168;

    private final List<Long> frames = new ArrayList<>();
    private final List<byte[]> pages = new ArrayList<>();
    private final List<byte[]> contexts = new ArrayList<>();
    private long magic = 0xf00febeeL;
    private long format = 1;
    private boolean pairs;

    /** A page whose content tells its number. */
    XenCoreImage page(long gfn) {
        frames.add(gfn);
        pages.add(Samples.page(gfn));
        return this;
    }

    XenCoreImage pages(long first, int count) {
        for (int i = 0; i < count; i++) {
            page(first + i);
        }
        return this;
    }

    /** What a live dump fills up with when the guest has less memory in the end. */
    XenCoreImage nothing() {
        frames.add(-1L);
        pages.add(new byte[Samples.PAGE]);
        return this;
    }

    /** A {@code vcpu_guest_context_t}, all zeros but for what the caller puts. */
    XenCoreImage vcpu(Consumer<ByteBuffer> registers) {
        ByteBuffer context = ByteBuffer.allocate(CONTEXT).order(ByteOrder.LITTLE_ENDIAN);
        registers.accept(context);
        contexts.add(context.array());
        return this;
    }

    XenCoreImage magic(long number) {
        magic = number;
        return this;
    }

    XenCoreImage format(long version) {
        format = version;
        return this;
    }

    /** Writes {@code .xen_p2m} instead of {@code .xen_pfn}. */
    XenCoreImage pairs() {
        pairs = true;
        return this;
    }

    byte[] bytes() {
        byte[] notes = ElfImage.join(ElfImage.note("Xen", 0x2000000, new byte[0]),
                ElfImage.note("Xen", 0x2000001, words(magic, contexts.size(), pages.size(), Samples.PAGE)),
                ElfImage.note("Xen", 0x2000002, new byte[1200]), ElfImage.note("Xen", 0x2000003, words(format)));
        byte[] status = ElfImage.join(contexts.toArray(byte[][]::new));
        ByteBuffer numbers = ByteBuffer.allocate(frames.size() * (pairs ? 16 : 8)).order(ByteOrder.LITTLE_ENDIAN);
        for (long frame : frames) {
            numbers.putLong(frame);
            if (pairs) {
                numbers.putLong(0xbad0000L + frame);
            }
        }
        String names = "\0.shstrtab\0.note.Xen\0.xen_prstatus\0.xen_shared_info\0.xen_pages\0"
                + (pairs ? ".xen_p2m\0" : ".xen_pfn\0");
        List<byte[]> contents = List.of(notes, status, new byte[Samples.PAGE], ElfImage.join(pages.toArray(byte[][]::new)),
                numbers.array(), names.getBytes(StandardCharsets.ISO_8859_1));
        List<String> order = List.of(".note.Xen", ".xen_prstatus", ".xen_shared_info", ".xen_pages",
                pairs ? ".xen_p2m" : ".xen_pfn", ".shstrtab");
        int size = SECTION_HEADERS + 7 * 64 + contents.stream().mapToInt(content -> content.length).sum() + Samples.PAGE;
        ByteBuffer file = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        file.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1});
        file.putShort(16, (short) 4).putShort(18, (short) 62).putInt(20, 1).putLong(40, SECTION_HEADERS);
        file.putShort(52, (short) 64).putShort(54, (short) 56).putShort(58, (short) 64).putShort(60, (short) 7);
        file.putShort(62, (short) 1);
        int at = SECTION_HEADERS + 7 * 64;
        for (int i = 0; i < contents.size(); i++) {
            String name = order.get(i);
            if (name.equals(".xen_pages")) {
                at = at + Samples.PAGE - 1 & -Samples.PAGE;
            }
            // The names come first among the headers, and last in the file.
            int header = SECTION_HEADERS + (name.equals(".shstrtab") ? 1 : i + 2) * 64;
            file.putInt(header, names.indexOf("\0" + name + "\0") + 1).putInt(header + 4, i == 0 ? 7 : 1);
            file.putLong(header + 24, at).putLong(header + 32, contents.get(i).length);
            file.put(at, contents.get(i));
            at += contents.get(i).length;
        }
        return Arrays.copyOf(file.array(), at);
    }

    private static byte[] words(long... values) {
        ByteBuffer bytes = ByteBuffer.allocate(values.length * Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (long value : values) {
            bytes.putLong(value);
        }
        return bytes.array();
    }
}
