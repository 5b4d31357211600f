// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Writes kdump-compressed images, as makedumpfile's diskdump_mod.h lays them out. */
final class KdumpImage {
    static final int ZLIB = 1;
    private static final int PAGE = Samples.PAGE;

    private record Stored(byte[] data, int flags) {
    }

    private final boolean wide;
    private final int maxMapnr;
    private final Map<Integer, Stored> dumped = new TreeMap<>();
    private final List<Integer> ram = new ArrayList<>();
    private int version = 6;
    private int status = ZLIB;
    private byte[] notes = new byte[0];
    private byte[] vmcoreinfo = new byte[0];

    KdumpImage(boolean wide, int maxMapnr) {
        this.wide = wide;
        this.maxMapnr = maxMapnr;
    }

    KdumpImage version(int number) {
        version = number;
        return this;
    }

    KdumpImage status(int flags) {
        status = flags;
        return this;
    }

    KdumpImage notes(byte[] bytes) {
        notes = bytes;
        return this;
    }

    KdumpImage vmcoreinfo(String text) {
        vmcoreinfo = text.getBytes(StandardCharsets.UTF_8);
        return this;
    }

    /** A page that holds {@link Samples#page} of its frame number, compressed. */
    KdumpImage page(int gfn) {
        return stored(gfn, Samples.deflate(Samples.page(gfn)), ZLIB);
    }

    KdumpImage stored(int gfn, byte[] data, int flags) {
        dumped.put(gfn, new Stored(data, flags));
        return this;
    }

    /** A page that is RAM and was filtered out. */
    KdumpImage filtered(int gfn) {
        ram.add(gfn);
        return this;
    }

    int statusAt() {
        return wide ? 424 : 412;
    }

    int bitmapBytes() {
        return ((maxMapnr + 7) / 8 + PAGE - 1) / PAGE * PAGE;
    }

    int subHeaderBlocks() {
        return 1 + (notes.length + vmcoreinfo.length + PAGE - 1) / PAGE;
    }

    int bitmapsAt() {
        return (1 + subHeaderBlocks()) * PAGE;
    }

    int descriptorsAt() {
        return bitmapsAt() + 2 * bitmapBytes();
    }

    byte[] bytes() {
        int dataAt = descriptorsAt() + dumped.size() * 24;
        int size = dataAt + dumped.values().stream().mapToInt(stored -> stored.data.length).sum();
        ByteBuffer file = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        file.put("KDUMP   ".getBytes(StandardCharsets.ISO_8859_1)).putInt(version);
        file.putInt(statusAt(), status).putInt(statusAt() + 4, PAGE).putInt(statusAt() + 8, subHeaderBlocks());
        file.putInt(statusAt() + 12, 2 * bitmapBytes() / PAGE).putInt(statusAt() + 16, maxMapnr);
        int notesAt = 2 * PAGE;
        int textAt = notesAt + notes.length;
        if (wide) {
            file.putLong(PAGE + 32, textAt).putLong(PAGE + 40, vmcoreinfo.length);
            file.putLong(PAGE + 48, notesAt).putLong(PAGE + 56, notes.length).putLong(PAGE + 96, maxMapnr);
        } else {
            file.putLong(PAGE + 20, textAt).putInt(PAGE + 28, vmcoreinfo.length);
            file.putLong(PAGE + 32, notesAt).putInt(PAGE + 40, notes.length).putLong(PAGE + 72, maxMapnr);
        }
        file.put(notesAt, notes).put(textAt, vmcoreinfo);
        ram.forEach(gfn -> set(file, bitmapsAt(), gfn));
        int descriptor = descriptorsAt();
        for (Map.Entry<Integer, Stored> page : dumped.entrySet()) {
            set(file, bitmapsAt(), page.getKey());
            set(file, bitmapsAt() + bitmapBytes(), page.getKey());
            Stored stored = page.getValue();
            file.putLong(descriptor, dataAt).putInt(descriptor + 8, stored.data.length);
            file.putInt(descriptor + 12, stored.flags);
            file.put(dataAt, stored.data);
            descriptor += 24;
            dataAt += stored.data.length;
        }
        return file.array();
    }

    private static void set(ByteBuffer file, int bitmapAt, int gfn) {
        int at = bitmapAt + gfn / 8;
        file.put(at, (byte) (file.get(at) | 1 << gfn % 8));
    }

    /** The flattened form: the image in records of {@code recordSize} bytes. */
    static byte[] flatten(byte[] image, int recordSize) {
        int records = (image.length + recordSize - 1) / recordSize;
        ByteBuffer flat = ByteBuffer.allocate(PAGE + image.length + (records + 1) * 16);
        flat.put("makedumpfile".getBytes(StandardCharsets.ISO_8859_1)).putLong(16, 1).putLong(24, 1).position(PAGE);
        for (int at = 0; at < image.length; at += recordSize) {
            byte[] part = Arrays.copyOfRange(image, at, Math.min(image.length, at + recordSize));
            flat.putLong(at).putLong(part.length).put(part);
        }
        return flat.putLong(-1).putLong(-1).array();
    }
}
