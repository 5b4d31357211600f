// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.process;

import java.util.EnumSet;
import java.util.Set;

/**
 * What to read.
 *
 * @param threads whether to give every task, not only one a process
 * @param fields  what to read of each
 */
public record TaskQuery(boolean threads, Set<TaskField> fields) {
    public static final TaskQuery PROCESSES = new TaskQuery(false, EnumSet.allOf(TaskField.class));
    public static final TaskQuery THREADS = new TaskQuery(true, EnumSet.allOf(TaskField.class));

    public TaskQuery {
        fields = Set.copyOf(fields);
    }
}
