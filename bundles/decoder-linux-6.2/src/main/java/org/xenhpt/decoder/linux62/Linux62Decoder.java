// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.decoder.linux62;

import java.util.Set;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.kit.Field;
import org.xenhpt.kit.Layouts;
import org.xenhpt.kit.sched.CurrentTasks;
import org.xenhpt.kit.sched.LinuxTaskReader;

/** Linux 6.2 to 6.14: the running task is in the per-CPU structure {@code pcpu_hot} (commit e57ef2ed97c1). */
@Component
public final class Linux62Decoder implements Decoder {
    private static final String PCPU_HOT = "pcpu_hot";

    @Override
    public String name() {
        return "linux-6.2";
    }

    @Override
    public Needs needs() {
        return LinuxTaskReader.needs().and(new Needs(Set.of(PCPU_HOT), Set.of("pcpu_hot.current_task")));
    }

    @Override
    public boolean fits(Kernel kernel) {
        return kernel.profile().symbols().containsKey(PCPU_HOT);
    }

    @Override
    public TaskReader attach(Kernel kernel, AddressSpace space) {
        long symbol = kernel.symbol(PCPU_HOT);
        Field currentTask = new Layouts(kernel).get(PCPU_HOT, "current_task");
        return new LinuxTaskReader(kernel, space,
                CurrentTasks.in(currentTask.address(symbol), "per-CPU pcpu_hot.current_task"));
    }
}
