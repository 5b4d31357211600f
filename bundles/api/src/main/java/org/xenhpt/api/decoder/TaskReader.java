// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.decoder;

import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Location;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.TaskQuery;

/** Reads the tasks of one guest. Used by one thread at a time. */
@ConsumerType
public interface TaskReader extends AutoCloseable {
    /**
     * Reads the tasks. A guest that lies or changes gives a table with gaps, not an exception.
     *
     * @throws org.xenhpt.api.error.HptException when not even the first task can be read
     */
    ProcessTable read(TaskQuery query);

    /**
     * The task on each vCPU.
     *
     * @param registers of the vCPUs, to find the tasks by; empty to find them from memory alone
     */
    List<CurrentTask> current(List<VcpuRegisters> registers);

    /**
     * The way from a vCPU to its task, and from the task back to its stack.
     *
     * @param registers of the vCPU; one without any register has the task located from memory alone
     * @throws HptException {@code NO_DECODER} when this decoder cannot tell; {@code BAD_PROFILE} when the profile lacks
     *                      what that takes; {@code MEMORY_FAULT}
     */
    default Location locate(VcpuRegisters registers) {
        throw new HptException(Step.DECODER, Reason.NO_DECODER, getClass().getSimpleName(),
                "this decoder does not tell where stacks lie").next("hpt current tells the running tasks");
    }

    /** The session needs it no more: the guest runs another kernel, another decoder takes over, or the session ends. */
    @Override
    default void close() {
    }
}
