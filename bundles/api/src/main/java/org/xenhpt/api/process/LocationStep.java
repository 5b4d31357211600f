// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.process;

/**
 * A place on the way from a vCPU to its task, or back.
 *
 * @param name           what lies there: {@code rsp}, {@code thread_info}, {@code task_struct}, {@code stack}
 * @param gva            GVA of it
 * @param gpa            GPA of it, or {@link Task#UNKNOWN} where the kernel's page tables do not map it (an address of
 *                       user space)
 * @param machineAddress where that is mapped in this process, 0 when it is read by copy
 * @param how            how its address was come by, as people read it: {@code rsp & ~(8 KiB - 1)}
 */
public record LocationStep(String name, long gva, long gpa, long machineAddress, String how) {
}
