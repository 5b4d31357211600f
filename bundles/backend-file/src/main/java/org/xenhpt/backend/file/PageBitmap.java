// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.xenhpt.api.guest.MemoryRange;

/**
 * A bitmap with a bit a page, read where it lies in the image, and an index that counts the set bits before each 512th:
 * the position of a page among those that are set costs one read of at most 64 bytes.
 */
final class PageBitmap {
    private static final int BLOCK_BYTES = 64;
    private static final int BLOCK_PAGES = BLOCK_BYTES * Byte.SIZE;
    private static final int CHUNK = 1 << 16;
    /** More ranges than this, and those with the smallest gaps between are taken together. */
    private static final int MAX_RANGES = 1 << 16;

    private final ImageBytes image;
    private final long at;
    private final long pages;
    /** Set bits before each block, unsigned. */
    private final int[] before;
    private final long count;
    private final List<MemoryRange> ranges;
    private final byte[] block = new byte[BLOCK_BYTES];
    private final ByteBuffer blockWords = ByteBuffer.wrap(block).order(ByteOrder.LITTLE_ENDIAN);

    /**
     * @param at    offset in the image; the caller has checked that the image reaches over the bitmap
     * @param pages how many bits count, at most 2^32
     */
    PageBitmap(ImageBytes image, long at, long pages, String what) {
        this.image = image;
        this.at = at;
        this.pages = pages;
        this.before = new int[(int) ((pages + BLOCK_PAGES - 1) / BLOCK_PAGES)];
        Runs runs = new Runs();
        byte[] chunk = new byte[CHUNK];
        ByteBuffer words = ByteBuffer.wrap(chunk).order(ByteOrder.LITTLE_ENDIAN);
        long set = 0;
        for (long page = 0; page < pages; page += (long) CHUNK * Byte.SIZE) {
            int bytes = (int) Math.min(CHUNK, (pages - page + Byte.SIZE - 1) / Byte.SIZE);
            if (image.read(at + page / Byte.SIZE, chunk, 0, bytes) < bytes) {
                throw image.truncated(what, at, pages / Byte.SIZE);
            }
            for (int i = bytes; i < (bytes + 7 & -8); i++) {
                chunk[i] = 0;
            }
            for (int i = 0; i < bytes; i += Long.BYTES) {
                long first = page + (long) i * Byte.SIZE;
                if (i % BLOCK_BYTES == 0) {
                    before[(int) (first / BLOCK_PAGES)] = (int) set;
                }
                long word = words.getLong(i);
                if (pages - first < Long.SIZE) {
                    word &= (1L << pages - first) - 1;
                }
                set += Long.bitCount(word);
                runs.add(first, word);
            }
        }
        this.count = set;
        this.ranges = runs.ranges();
    }

    /** How many pages are set. */
    long count() {
        return count;
    }

    /** The pages that are set, as ranges of GPA; where they are very scattered, with gaps included. */
    List<MemoryRange> ranges() {
        return ranges;
    }

    /** How many pages before this one are set, or -1 when this one is not. */
    long rank(long page) {
        if (page < 0 || page >= pages) {
            return -1;
        }
        long first = page / BLOCK_PAGES;
        int bytes = (int) (page % BLOCK_PAGES / Byte.SIZE) + 1;
        if (image.read(at + first * BLOCK_BYTES, block, 0, bytes) < bytes) {
            return -1;
        }
        int bit = (int) (page % BLOCK_PAGES);
        int word = bit / Long.SIZE;
        long last = blockWords.getLong(word * Long.BYTES);
        if ((last >>> bit & 1) == 0) {
            return -1;
        }
        long rank = Integer.toUnsignedLong(before[(int) first]);
        for (int i = 0; i < word; i++) {
            rank += Long.bitCount(blockWords.getLong(i * Long.BYTES));
        }
        return rank + Long.bitCount(last & (1L << bit) - 1);
    }

    /** Collects runs of set bits in memory that does not grow with how scattered they are. */
    private static final class Runs {
        private final List<long[]> runs = new ArrayList<>();
        private long start = -1;
        private long end = -1;
        private long bridged;

        /** The word's bits are pages {@code first} to {@code first + 63}. */
        void add(long first, long word) {
            if (word == -1L) {
                addRun(first, first + Long.SIZE);
                return;
            }
            if (word != 0 && bridged >= Long.SIZE) {
                addRun(first + Long.numberOfTrailingZeros(word), first + Long.SIZE - Long.numberOfLeadingZeros(word));
                return;
            }
            long rest = word;
            while (rest != 0) {
                int from = Long.numberOfTrailingZeros(rest);
                int length = Long.numberOfTrailingZeros(~(rest >>> from));
                addRun(first + from, first + from + length);
                rest = from + length >= Long.SIZE ? 0 : rest & -1L << from + length;
            }
        }

        private void addRun(long from, long to) {
            if (start >= 0 && from - end <= bridged) {
                end = to;
                return;
            }
            flush();
            start = from;
            end = to;
        }

        private void flush() {
            if (start < 0) {
                return;
            }
            runs.add(new long[] {start, end});
            while (runs.size() > MAX_RANGES) {
                bridged = Math.max(Long.SIZE, bridged * 2);
                int kept = 0;
                for (int i = 1; i < runs.size(); i++) {
                    if (runs.get(i)[0] - runs.get(kept)[1] <= bridged) {
                        runs.get(kept)[1] = runs.get(i)[1];
                    } else {
                        runs.set(++kept, runs.get(i));
                    }
                }
                runs.subList(kept + 1, runs.size()).clear();
            }
        }

        List<MemoryRange> ranges() {
            flush();
            List<MemoryRange> ranges = new ArrayList<>(runs.size());
            for (long[] run : runs) {
                ranges.add(new MemoryRange(run[0] * Extents.PAGE, (run[1] - run[0]) * Extents.PAGE));
            }
            return List.copyOf(ranges);
        }
    }
}
