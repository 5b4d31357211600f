// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

/** Sets of capabilities, as kernel threads have them: all there are, but where there is no {@code CAP_SETPCAP}. */
final class Capabilities {
    /** CAP_SETPCAP (include/uapi/linux/capability.h), which up to 2.6.32 nobody had unless files could give it. */
    private static final long SETPCAP = 1 << 8;
    private static final int FEWEST = 30;

    private Capabilities() {
    }

    /** Whether a set has all capabilities that there are, from the first on. */
    static boolean isFull(long set) {
        return set != 0 && (set + 1 & set) == 0 && Long.bitCount(set) > FEWEST;
    }

    /** Whether a set is another that is full, or that without CAP_SETPCAP. */
    static boolean isEffective(long set, long full) {
        return set == full || set == (full & ~SETPCAP);
    }

    /** Whether effective, inheritable and permitted stand at an offset: u32 each up to 2.6.24, u64 from 2.6.25 on. */
    static boolean areOldFull(Snapshot task, int at) {
        boolean narrow = task.int32(at + 8) == -1 && task.int32(at + 4) == 0
                && isEffective(task.int32(at) & 0xffffffffL, 0xffffffffL);
        boolean wide = isFull(task.int64(at + 16)) && task.int64(at + 8) == 0
                && isEffective(task.int64(at), task.int64(at + 16));
        return narrow || wide;
    }
}
