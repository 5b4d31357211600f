// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * An image in the flattened form, that {@code makedumpfile -F} and QEMU write where they cannot seek: after a header of
 * 4,096 bytes, records of (offset, length, bytes), big-endian, in the order of writing (makedumpfile, IMPLEMENTATION
 * and makedumpfile.h). Reads as the file that {@code makedumpfile -R} would rearrange it into, but for what no record
 * wrote, which is not there.
 */
final class FlattenedFile extends ImageBytes {
    private static final byte[] SIGNATURE = "makedumpfile\0\0\0\0".getBytes(StandardCharsets.ISO_8859_1);
    private static final int HEADER = 4096;
    private static final int RECORD_HEADER = 16;
    private static final long MAX_SIZE = 1L << 48;
    /** QEMU and makedumpfile write records of 4 to 16 KiB: some 64 GiB of data. Each costs about 60 bytes of heap. */
    private static final int MAX_RECORDS = 4_000_000;

    private record Segment(long at, long size, long from) implements Comparable<Segment> {
        @Override
        public int compareTo(Segment other) {
            return Long.compare(at, other.at);
        }

        long end() {
            return at + size;
        }
    }

    private final MappedFile file;
    private final long[] starts;
    private final long[] ends;
    private final long[] offsets;
    private final long size;
    private int last;

    private FlattenedFile(MappedFile file, List<Segment> segments) {
        super(file.path());
        this.file = file;
        int count = segments.size();
        starts = new long[count];
        ends = new long[count];
        offsets = new long[count];
        for (int i = 0; i < count; i++) {
            starts[i] = segments.get(i).at();
            ends[i] = segments.get(i).end();
            offsets[i] = segments.get(i).from();
        }
        size = count == 0 ? 0 : ends[count - 1];
    }

    static boolean recognises(MappedFile file) {
        byte[] start = new byte[SIGNATURE.length];
        return file.read(0, start, 0, start.length) == start.length && Arrays.equals(start, SIGNATURE);
    }

    /** Indexes the records in one pass over their headers. */
    static FlattenedFile open(MappedFile file) {
        ByteBuffer header = file.need(0, HEADER, "the header of the flattened form").order(ByteOrder.BIG_ENDIAN);
        long type = header.getLong(16);
        long version = header.getLong(24);
        if (type != 1 || version != 1) {
            throw file.unreadable("flattened form of type " + type + ", version " + version
                    + "; only 1 and 1 are known");
        }
        List<Segment> segments = new ArrayList<>();
        byte[] bytes = new byte[RECORD_HEADER];
        ByteBuffer record = ByteBuffer.wrap(bytes);
        long position = HEADER;
        for (long number = 0; ; number++) {
            if (file.read(position, bytes, 0, RECORD_HEADER) < RECORD_HEADER) {
                throw file.truncated("the header of record " + number + " of the flattened form", position,
                        RECORD_HEADER);
            }
            long at = record.getLong(0);
            long length = record.getLong(8);
            if (at == -1 && length == -1) {
                break;
            }
            position += RECORD_HEADER;
            if (at < 0 || at > MAX_SIZE || length < 0 || length > MAX_SIZE) {
                throw file.unreadable("record " + number + " of the flattened form, at 0x"
                        + Long.toHexString(position - RECORD_HEADER) + ", writes 0x" + Long.toHexString(length)
                        + " bytes to 0x" + Long.toHexString(at) + ": damaged");
            }
            if (!file.reaches(position, length)) {
                throw file.truncated("record " + number + " of the flattened form", position, length);
            }
            if (length > 0) {
                segments.add(new Segment(at, length, position));
                if (segments.size() > MAX_RECORDS) {
                    throw file.unreadable("the flattened form has more than " + MAX_RECORDS + " records")
                            .next("rearrange it: makedumpfile -R OUT < " + file.path());
                }
            }
            position += length;
        }
        return new FlattenedFile(file, arranged(segments));
    }

    private static List<Segment> arranged(List<Segment> written) {
        List<Segment> sorted = new ArrayList<>(written);
        Collections.sort(sorted);
        for (int i = 1; i < sorted.size(); i++) {
            if (sorted.get(i - 1).end() > sorted.get(i).at()) {
                return painted(written);
            }
        }
        return sorted;
    }

    /** Where records overlap, what was written later holds: makedumpfile writes its headers anew when it ends. */
    private static List<Segment> painted(List<Segment> written) {
        TreeMap<Long, Segment> map = new TreeMap<>();
        for (Segment segment : written) {
            Map.Entry<Long, Segment> entry = map.lowerEntry(segment.at());
            if (entry != null && entry.getValue().end() > segment.at()) {
                Segment before = entry.getValue();
                map.put(before.at(), new Segment(before.at(), segment.at() - before.at(), before.from()));
                keepTail(map, before, segment.end());
            }
            while ((entry = map.ceilingEntry(segment.at())) != null && entry.getKey() < segment.end()) {
                map.remove(entry.getKey());
                keepTail(map, entry.getValue(), segment.end());
            }
            map.put(segment.at(), segment);
        }
        return new ArrayList<>(map.values());
    }

    private static void keepTail(TreeMap<Long, Segment> map, Segment old, long end) {
        if (old.end() > end) {
            map.put(end, new Segment(end, old.end() - end, old.from() + (end - old.at())));
        }
    }

    @Override
    long size() {
        return size;
    }

    @Override
    int read(long at, byte[] to, int offset, int length) {
        int done = 0;
        while (done < length) {
            long position = at + done;
            int segment = find(position);
            if (segment < 0) {
                break;
            }
            int part = (int) Math.min(length - done, ends[segment] - position);
            int got = file.read(offsets[segment] + (position - starts[segment]), to, offset + done, part);
            done += got;
            if (got < part) {
                break;
            }
        }
        return done;
    }

    private int find(long at) {
        if (last < starts.length && at >= starts[last] && at < ends[last]) {
            return last;
        }
        int found = Arrays.binarySearch(starts, at);
        int segment = found >= 0 ? found : -found - 2;
        if (segment < 0 || at >= ends[segment]) {
            return -1;
        }
        last = segment;
        return segment;
    }

    @Override
    void check() {
        file.check();
    }

    @Override
    void close() {
        file.close();
    }
}
