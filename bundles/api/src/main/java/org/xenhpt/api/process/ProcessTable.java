// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.process;

import java.util.List;

/**
 * The tasks of a guest at one reading.
 *
 * @param tasks           in the order of the kernel's list, the idle task of pid 0 left out
 * @param gaps            what is missing; empty when the list was read whole and agreed with itself
 * @param readings        how often the list was read until it agreed with itself; 1 for a guest that stood still
 * @param bootEpochNanos  when the guest booted by its own clock, in nanoseconds since 1970 UTC; {@link Task#UNKNOWN}
 */
public record ProcessTable(List<Task> tasks, List<Gap> gaps, int readings, long bootEpochNanos) {
    public ProcessTable {
        tasks = List.copyOf(tasks);
        gaps = List.copyOf(gaps);
    }
}
