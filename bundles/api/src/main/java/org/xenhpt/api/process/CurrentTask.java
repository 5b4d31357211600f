// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.process;

/**
 * The task that a vCPU runs.
 *
 * @param vcpu           its number, from 0
 * @param task           the task; an idle vCPU runs the task of pid 0, {@code swapper/N}
 * @param gpa            GPA of its {@code task_struct}
 * @param machineAddress where that is mapped in this process, 0 when it is read by copy
 * @param how            how it was found, as people read it: {@code memory: per-CPU current_task}
 * @param registers      whether registers were read to find it
 */
public record CurrentTask(int vcpu, Task task, long gpa, long machineAddress, String how, boolean registers) {
}
