// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.process;

import java.util.List;

/**
 * Where a vCPU's task lies, and the way there and back: from the stack to the task, and from the task to its stack.
 *
 * @param vcpu      its number, from 0
 * @param mode      what the vCPU was doing when its registers were read
 * @param task      the task that was come to
 * @param steps     the way, in the order in which it was gone
 * @param agreement whether both directions lead to each other
 * @param verdict   the same in words: what agrees with what, or what does not
 * @param registers whether registers were read, or memory alone
 */
public record Location(int vcpu, Mode mode, Task task, List<LocationStep> steps, Agreement agreement, String verdict,
        boolean registers) {
    /** What a vCPU was doing. */
    public enum Mode { KERNEL, USER, UNKNOWN }

    /** Whether the way there and the way back lead to each other. */
    public enum Agreement {
        AGREE,
        /** The way back leads elsewhere, also after reading everything again. */
        DISAGREE,
        /** Nothing leads back: what that would take is not known. */
        ONE_WAY
    }

    public Location {
        steps = List.copyOf(steps);
    }
}
