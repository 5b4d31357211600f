// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.OptionalLong;

/**
 * Reads a kernel's real time out of its image without knowing a structure: {@code wall_to_monotonic}, seconds and
 * nanoseconds of a negative time, is followed by {@code offs_real}, the same time positive and in nanoseconds alone
 * (since 3.4), and has {@code xtime_sec}, a little later than that, not far before it.
 */
final class ImageClock {
    private static final long NANOS = 1_000_000_000L;
    private static final long MOST_SECONDS = 1L << 33;
    /** A guest that has been up for longer has had its clock set. In seconds. */
    private static final long LONGEST_UP = 30L * 366 * 86_400;
    private static final int BEFORE = 128;
    private static final int LENGTH = BEFORE + 32;

    private ImageClock() {
    }

    /** Seconds since 1970; empty when nothing in the image is such. The later, where several are. */
    static OptionalLong seconds(KernelImage image) {
        byte[] bytes = new byte[LENGTH];
        ByteBuffer words = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        int pointer = image.space().pointerSize();
        long[] latest = {0};
        // The upper half of the negative seconds.
        image.search(image.start(), image.end(), 4, -1, -1, gva -> {
            long begin = gva - 4 - BEFORE;
            if (image.contains(begin, LENGTH) && image.read(begin, bytes, LENGTH)) {
                latest[0] = Math.max(latest[0], seconds(words, pointer));
            }
            return false;
        });
        return latest[0] == 0 ? OptionalLong.empty() : OptionalLong.of(latest[0]);
    }

    private static long seconds(ByteBuffer words, int pointer) {
        long real = -words.getLong(BEFORE);
        long nanos = pointer == 8 ? words.getLong(BEFORE + 8) : words.getInt(BEFORE + 8);
        // A timespec of a 32-bit kernel ends there; a timespec64 is filled up to a multiple of 4 bytes only.
        boolean holds = real > 0 && real < MOST_SECONDS && nanos > 0 && nanos < NANOS
                && words.getLong(BEFORE + 8 + pointer) == real * NANOS - nanos;
        for (int at = BEFORE - 8; holds && at >= 0; at -= 4) {
            long now = words.getLong(at);
            if (now >= real - 1 && now < real + LONGEST_UP) {
                return now;
            }
        }
        return 0;
    }
}
