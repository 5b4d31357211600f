// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit.sched;

import org.xenhpt.api.translation.AddressSpace;

/** Short texts read before, by their bytes: most names of a reading were there in the one before. */
final class TextCache {
    /** The longest text, in bytes. */
    static final int LONGEST = 64;

    private static final int WORDS = LONGEST / Long.BYTES;
    private static final int ENTRIES = 2048;
    private static final long ONES = 0x0101010101010101L;
    private static final long HIGHS = 0x8080808080808080L;
    /** 2^64 divided by the golden ratio: multiplying by it spreads the bits (Knuth, volume 3, 6.4). */
    private static final long SPREAD = 0x9e3779b97f4a7c15L;

    private final long[] keys = new long[ENTRIES * WORDS];
    private final String[] texts = new String[ENTRIES];
    private final long[] words = new long[WORDS];

    /** The text at a GVA: up to a NUL, at most {@code most} bytes, which are at most {@link #LONGEST}. */
    String get(AddressSpace space, long gva, int most) {
        long hash = 0;
        int used = 0;
        boolean ended = false;
        while (!ended && used * Long.BYTES < most) {
            int rest = most - used * Long.BYTES;
            long word = rest >= Long.BYTES ? space.readLong(gva + used * Long.BYTES)
                    : tail(space, gva + used * Long.BYTES, rest);
            // The lowest set bit is that of the first NUL (Hacker's Delight, 6-1); what follows it is not text.
            long zeros = word - ONES & ~word & HIGHS;
            if (zeros != 0) {
                int bits = Long.numberOfTrailingZeros(zeros) & -Byte.SIZE;
                word &= bits == 0 ? 0 : -1L >>> Long.SIZE - bits;
                ended = true;
            }
            words[used++] = word;
            hash = (hash ^ word) * SPREAD;
        }
        for (int i = used; i < WORDS; i++) {
            words[i] = 0;
        }
        int slot = (int) (hash >>> 48) & ENTRIES - 1;
        if (texts[slot] == null || !holds(slot)) {
            System.arraycopy(words, 0, keys, slot * WORDS, WORDS);
            texts[slot] = decode();
        }
        return texts[slot];
    }

    private static long tail(AddressSpace space, long gva, int length) {
        long word = 0;
        for (int i = 0; i < length; i++) {
            word |= (long) space.readByte(gva + i) << Byte.SIZE * i;
        }
        return word;
    }

    private boolean holds(int slot) {
        int key = slot * WORDS;
        for (int i = 0; i < WORDS; i++) {
            if (keys[key + i] != words[i]) {
                return false;
            }
        }
        return true;
    }

    private String decode() {
        byte[] bytes = new byte[LONGEST];
        int length = 0;
        for (; length < LONGEST; length++) {
            byte next = (byte) (words[length / Long.BYTES] >>> Byte.SIZE * (length % Long.BYTES));
            if (next == 0) {
                break;
            }
            bytes[length] = next;
        }
        return GuestText.decode(bytes, length);
    }
}
