// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.process;

/** What can be asked of a task. Reading less is faster. */
public enum TaskField {
    PID, TGID, PPID, STATE, UID, GID, START, CPU_TIME, NAME, FLAGS
}
