// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit.sched;

import org.xenhpt.api.kernel.KernelVersion;

/**
 * The letter that /proc/PID/stat gives for a task's state (task_state_index in fs/proc/array.c, include/linux/sched.h).
 *
 * <p>EXIT_ZOMBIE and EXIT_DEAD changed places in 3.15 (commit ad86622b478e); a traced stop has a letter of its own since
 * 2.6.33 (commit 464763cf1c6d).
 *
 * <p>4.14 gave parked and idle tasks letters of their own and moved TASK_PARKED (commits 8ef9925b02c2, 06eb61844d84): before,
 * a parked task was shown as sleeping and an idle one as D. The values are macros, which no debug information lists.
 */
public enum StateLetters {
    BEFORE_2_6_33("RSDTTZX", 0x3f, 0),
    BEFORE_3_15("RSDTtZX", 0x3f, 0x200),
    BEFORE_4_14("RSDTtXZ", 0x3f, 0x200),
    SINCE_4_14("RSDTtXZPI", 0x7f, 0);

    private static final int UNINTERRUPTIBLE = 0x02;
    /** TASK_UNINTERRUPTIBLE | TASK_NOLOAD. */
    private static final int IDLE = 0x402;
    private static final int IDLE_INDEX = 8;
    /** TASK_RTLOCK_WAIT, since 5.15 (commit 5f220be21418), is shown as D. */
    private static final int RTLOCK_WAIT = 0x1000;

    private final String letters;
    private final int report;
    private final int parkedAsSleeping;

    StateLetters(String letters, int report, int parkedAsSleeping) {
        this.letters = letters;
        this.report = report;
        this.parkedAsSleeping = parkedAsSleeping;
    }

    public static StateLetters of(KernelVersion version) {
        if (version.atLeast(4, 14)) {
            return SINCE_4_14;
        }
        // A release without numbers is taken for a new one.
        if (version.atLeast(3, 15) || version.major() == 0) {
            return BEFORE_4_14;
        }
        return version.atLeast(2, 6, 33) ? BEFORE_3_15 : BEFORE_2_6_33;
    }

    /**
     * @param state     {@code task_struct.__state}, or {@code state} before 5.14
     * @param exitState {@code task_struct.exit_state}
     */
    public char letter(long state, int exitState) {
        if (parkedAsSleeping != 0 && state == parkedAsSleeping) {
            return 'S';
        }
        if (this == SINCE_4_14) {
            if ((state & IDLE) == IDLE) {
                return letters.charAt(IDLE_INDEX);
            }
            if ((state & RTLOCK_WAIT) != 0) {
                return letters.charAt(UNINTERRUPTIBLE);
            }
        }
        int reported = (int) (state | exitState) & report;
        return letters.charAt(Integer.SIZE - Integer.numberOfLeadingZeros(reported));
    }
}
