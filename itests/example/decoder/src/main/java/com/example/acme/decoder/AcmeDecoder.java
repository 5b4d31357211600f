// SPDX-License-Identifier: Apache-2.0
package com.example.acme.decoder;

import java.util.Map;
import java.util.Set;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.kit.Renames;
import org.xenhpt.kit.sched.CurrentTasks;
import org.xenhpt.kit.sched.LinuxTaskReader;

/**
 * Linux 3.2 as Acme patched it: {@code task_struct.comm} is called {@code acme_name}, {@code task_struct.tasks}
 * {@code acme_tasks}. Where they lie now is told by the profile, {@code 3.2.0-acme.yaml}.
 */
@Component(property = "service.ranking:Integer=100")
public final class AcmeDecoder implements Decoder {
    private static final String CURRENT_TASK = "current_task";
    private static final Renames RENAMES = new Renames(
            Map.of("task_struct.acme_name", "comm", "task_struct.acme_tasks", "tasks"));

    @Override
    public String name() {
        return "acme-3.2";
    }

    @Override
    public Needs needs() {
        return LinuxTaskReader.needs().and(RENAMES.needs()).and(new Needs(Set.of(CURRENT_TASK), Set.of()));
    }

    @Override
    public boolean fits(Kernel kernel) {
        return RENAMES.fit(kernel) && kernel.profile().symbols().containsKey(CURRENT_TASK);
    }

    @Override
    public TaskReader attach(Kernel kernel, AddressSpace space) {
        CurrentTasks current = CurrentTasks.in(kernel.symbol(CURRENT_TASK), "per-CPU current_task");
        return new LinuxTaskReader(RENAMES.plain(kernel), space, current);
    }
}
