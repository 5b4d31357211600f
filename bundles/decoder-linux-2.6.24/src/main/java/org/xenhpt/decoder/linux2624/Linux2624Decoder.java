// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.decoder.linux2624;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelVersion;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.kit.Pda;
import org.xenhpt.kit.PerCpu;
import org.xenhpt.kit.sched.CurrentTasks;
import org.xenhpt.kit.sched.LinuxTaskReader;

/**
 * Linux 2.6.24 to 4.8: thread_info is at the bottom of the kernel stack. The running task is in the per-CPU variable
 * {@code current_task}; on x86-64 up to 2.6.29 (commit c6f5e0acd5d1) in the CPU's PDA instead.
 *
 * <p>Kernels from 2.6.18 on keep their tasks alike, and are read by it too; so is a kernel of unknown layout of
 * {@code thread_info}, such as an inferred one, by its version.
 */
@Component
public final class Linux2624Decoder implements Decoder {
    private static final String CURRENT_TASK = "current_task";

    @Override
    public String name() {
        return "linux-2.6.24";
    }

    @Override
    public Needs needs() {
        Needs here = new Needs(Set.of(CURRENT_TASK, "per_cpu__" + CURRENT_TASK), Set.of());
        return LinuxTaskReader.needs().and(here).and(new Needs(Set.copyOf(Pda.symbols()), Set.copyOf(Pda.members())));
    }

    @Override
    public boolean fits(Kernel kernel) {
        Profile profile = kernel.profile();
        KernelVersion version = kernel.identity().version();
        boolean old = profile.member("thread_info", "task").isPresent()
                || version.major() > 0 && !version.atLeast(4, 9);
        return old && (profile.member("signal_struct", "thread_head").isPresent()
                || profile.member("task_struct", "thread_group").isPresent());
    }

    @Override
    public TaskReader attach(Kernel kernel, AddressSpace space) {
        return new LinuxTaskReader(kernel, space, currentTasks(kernel, space));
    }

    private static CurrentTasks currentTasks(Kernel kernel, AddressSpace space) {
        OptionalLong variable = PerCpu.variable(kernel, CURRENT_TASK);
        if (variable.isPresent()) {
            return CurrentTasks.in(variable.getAsLong(), "per-CPU current_task");
        }
        Optional<Pda> pda = Pda.of(kernel, space);
        return pda.isPresent() ? CurrentTasks.in(pda.get()) : CurrentTasks.unknown(kernel);
    }
}
