// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.decoder.linux615;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
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
 * Linux 6.15 and later: the running task is in the per-CPU variable {@code current_task} again, with a read-only alias
 * {@code const_current_task}; on x86-64 per-CPU symbols are addresses in the image, moved by KASLR like all others
 * (commit 9d7de2aa8b41 "x86/percpu/64: Use relative percpu offsets").
 */
@Component
public final class Linux615Decoder implements Decoder {
    private static final List<String> NAMES = List.of("current_task", "const_current_task");

    @Override
    public String name() {
        return "linux-6.15";
    }

    @Override
    public Needs needs() {
        return LinuxTaskReader.needs().and(new Needs(Set.copyOf(NAMES), Set.of()));
    }

    @Override
    public boolean fits(Kernel kernel) {
        Architecture architecture = kernel.identity().architecture();
        return architecture == Architecture.X86_64 && symbol(kernel)
                .filter(linked -> Long.compareUnsigned(linked, architecture.lowestImageAddress()) >= 0).isPresent();
    }

    @Override
    public TaskReader attach(Kernel kernel, AddressSpace space) {
        long symbol = kernel.relocate(symbol(kernel).orElseThrow());
        return new LinuxTaskReader(kernel, space, CurrentTasks.in(symbol, "per-CPU current_task"));
    }

    private static Optional<Long> symbol(Kernel kernel) {
        return NAMES.stream().map(kernel.profile().symbols()::get).filter(Objects::nonNull).findFirst();
    }
}
