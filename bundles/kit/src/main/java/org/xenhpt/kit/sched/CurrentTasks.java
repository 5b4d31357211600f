// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit.sched;

import org.osgi.annotation.versioning.ConsumerType;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.kit.Pda;
import org.xenhpt.kit.PerCpu;

/** Where a generation of kernels keeps the task that each CPU runs. Made here, or implemented by a decoder. */
@ConsumerType
public interface CurrentTasks {
    /**
     * From the CPU's per-CPU area.
     *
     * @param base what {@link #base} gives; the kernel's GS base on x86-64
     * @return GVA of the pointer to the running task
     */
    long pointerAddress(long base);

    /** Where a CPU keeps its own data, found from memory alone: what is added to a per-CPU symbol, or the CPU's PDA. */
    default long base(PerCpu perCpu, int cpu) {
        return perCpu.offset(cpu);
    }

    /** Whether the profile tells it: what does not is {@link #unknown}. */
    default boolean known() {
        return true;
    }

    /** Whether {@link #base} is the CPU's {@link Pda}. */
    default boolean keptInPda() {
        return false;
    }

    /** As people read it: {@code per-CPU current_task}. */
    String description();

    /**
     * In a per-CPU variable.
     *
     * @param variable as {@link Kernel#findSymbol} gives it; of a member of a structure, with the member's offset added
     */
    static CurrentTasks in(long variable, String description) {
        return new CurrentTasks() {
            @Override
            public long pointerAddress(long base) {
                return base + variable;
            }

            @Override
            public String description() {
                return description;
            }
        };
    }

    /** In the CPU's {@link Pda}. */
    static CurrentTasks in(Pda pda) {
        return new CurrentTasks() {
            @Override
            public long pointerAddress(long base) {
                return pda.currentPointer(base);
            }

            @Override
            public long base(PerCpu perCpu, int cpu) {
                return pda.address(cpu);
            }

            @Override
            public boolean keptInPda() {
                return true;
            }

            @Override
            public String description() {
                return "PDA pcurrent";
            }
        };
    }

    /**
     * For a profile that does not tell it, such as an inferred one: tasks can be listed, and asking for the running
     * ones says what is missing.
     */
    static CurrentTasks unknown(Kernel kernel) {
        return new CurrentTasks() {
            @Override
            public long pointerAddress(long base) {
                throw new HptException(Step.DECODER, Reason.BAD_PROFILE, kernel.profile().name(), "the profile ("
                        + kernel.profile().origin().source() + ") does not tell where kernel "
                        + kernel.identity().release()
                        + " keeps the running task (current_task or pcpu_hot)")
                        .next("make a profile from this build's System.map with: hpt profile make");
            }

            @Override
            public boolean known() {
                return false;
            }

            @Override
            public String description() {
                return "unknown";
            }
        };
    }
}
