// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.decoder.linux49;

import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.kit.sched.CurrentTasks;
import org.xenhpt.kit.sched.LinuxTaskReader;

/**
 * Linux 4.9 to 6.1: thread_info is in task_struct (commit c65eacbe290b), and the running task is in the per-CPU
 * variable {@code current_task}, on x86-64 an offset from 0. Where the profile names no place of the running task, any
 * later kernel that keeps its threads in {@code signal_struct.thread_head}: the generations differ in nothing else.
 */
@Component
public final class Linux49Decoder implements Decoder {
    private static final String CURRENT_TASK = "current_task";
    /** Where kernels after 6.1 keep it. */
    private static final Set<String> OTHER_PLACES = Set.of("pcpu_hot", "const_pcpu_hot", "const_current_task");

    @Override
    public String name() {
        return "linux-4.9";
    }

    @Override
    public Needs needs() {
        return LinuxTaskReader.needs().and(new Needs(Set.of(CURRENT_TASK), Set.of()));
    }

    @Override
    public boolean fits(Kernel kernel) {
        Map<String, Long> symbols = kernel.profile().symbols();
        Long linked = symbols.get(CURRENT_TASK);
        // A release without numbers is taken for a new one.
        boolean old = kernel.identity().version().major() > 0 && !kernel.identity().version().atLeast(4, 9)
                || kernel.profile().member("thread_info", "task").isPresent();
        if (old) {
            return false;
        }
        if (linked == null) {
            return OTHER_PLACES.stream().noneMatch(symbols::containsKey)
                    && kernel.profile().member("signal_struct", "thread_head").isPresent();
        }
        Architecture architecture = kernel.identity().architecture();
        return architecture == Architecture.I386
                || Long.compareUnsigned(linked, architecture.lowestImageAddress()) < 0;
    }

    @Override
    public TaskReader attach(Kernel kernel, AddressSpace space) {
        OptionalLong found = kernel.findSymbol(CURRENT_TASK);
        if (found.isEmpty()) {
            return new LinuxTaskReader(kernel, space, CurrentTasks.unknown(kernel));
        }
        long symbol = found.getAsLong();
        return new LinuxTaskReader(kernel, space, CurrentTasks.in(symbol, "per-CPU current_task"));
    }
}
