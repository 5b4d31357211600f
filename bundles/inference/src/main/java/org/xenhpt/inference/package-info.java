// SPDX-License-Identifier: Apache-2.0
/**
 * Finds out how a kernel's structures are laid out from what is in them: for kernels that carry neither BTF nor data
 * symbols.
 *
 * <p>It rests on what holds in any kernel: {@code init_task} is its own parent, the list of processes goes from name to
 * name, a process's number is its first thread's, kernel threads descend from kthreadd and have no memory of their own.
 * A member is believed when nearly all tasks agree and no other place has as many on its side; what is not certain is
 * left out.
 *
 * <p>Which task a CPU runs is in no task. {@link org.xenhpt.inference.RunningTasks} finds the variable by how often the
 * kernel's code reads it, and believes it when it leads to a task on every CPU; of CPUs that were taken off line nothing
 * is known, so that one of these still has its idle task. The clock time of starts rests on
 * {@link org.xenhpt.inference.Timekeeper}, before 3.17 on {@link org.xenhpt.inference.WallClock}.
 */
package org.xenhpt.inference;
