// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.process;

/**
 * One {@code task_struct}, as it was when it was read. What was not asked for, or could not be read, is
 * {@link #UNKNOWN}, an empty name, or the state {@code '?'}.
 *
 * @param address    GVA of the {@code task_struct}
 * @param pid        the task's own id (a thread's id), in the initial pid namespace
 * @param tgid       the id of its process
 * @param ppid       the tgid of its parent
 * @param state      ps's letter: R S D T t Z X I P K W
 * @param uid        effective user id
 * @param gid        effective group id
 * @param startNanos nanoseconds from the guest's boot to the task's start
 * @param cpuNanos   nanoseconds of CPU time used; for a process, by all its threads, also those that ended
 * @param name       as the guest's own ps shows it; bytes that are not UTF-8 are written {@code \\xNN}
 * @param kernel     whether it is a kernel thread
 */
public record Task(long address, int pid, int tgid, int ppid, char state, long uid, long gid, long startNanos,
        long cpuNanos, String name, boolean kernel) {
    /** A number that is not known. */
    public static final long UNKNOWN = -1;

    /** Whether this is the first thread of its process, which stands for the process. */
    public boolean isProcess() {
        return pid == tgid;
    }
}
