// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit.sched;

/** Where a generation of kernels keeps the task that each CPU runs. */
public interface CurrentTasks {
    /**
     * From the CPU's per-CPU area.
     *
     * @param perCpuOffset what is added to a per-CPU symbol to get the CPU's own copy; the kernel's GS base on x86-64
     * @return GVA of the pointer to the running task
     */
    long pointerAddress(long perCpuOffset);

    /** As people read it: {@code per-CPU current_task}. */
    String description();
}
