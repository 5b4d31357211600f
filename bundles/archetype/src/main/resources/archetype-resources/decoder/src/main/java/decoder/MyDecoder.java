// SPDX-License-Identifier: Apache-2.0
package ${package}.decoder;

import java.util.Set;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.kit.sched.CurrentTasks;
import org.xenhpt.kit.sched.LinuxTaskReader;

/**
 * For x86-64 kernels 4.9 to 6.1: reads the tasks as the kit does, and shows each one's nice value behind its name. It goes
 * before the decoders that come with XenHPT, whose ranking is 0.
 */
@Component(property = "service.ranking:Integer=100")
public final class MyDecoder implements Decoder {
    private static final String CURRENT_TASK = "current_task";

    @Override
    public String name() {
        return "${artifactId}";
    }

    /** What the kernel is asked for, beside what the kit wants. */
    @Override
    public Needs needs() {
        return LinuxTaskReader.needs()
                .and(new Needs(Set.of(CURRENT_TASK), Set.of("task_struct." + MyTaskReader.MEMBER)));
    }

    /** For which kernels this is; better told by what they have than by their version. */
    @Override
    public boolean fits(Kernel kernel) {
        Profile profile = kernel.profile();
        Architecture architecture = kernel.identity().architecture();
        Long currentTask = profile.symbols().get(CURRENT_TASK);
        return architecture == Architecture.X86_64 && kernel.identity().version().atLeast(4, 9)
                // Until 6.1 it was an offset in the per-CPU area, not an address.
                && currentTask != null && Long.compareUnsigned(currentTask, architecture.lowestImageAddress()) < 0
                && profile.member("task_struct", MyTaskReader.MEMBER).isPresent();
    }

    @Override
    public TaskReader attach(Kernel kernel, AddressSpace space) {
        CurrentTasks current = CurrentTasks.in(kernel.symbol(CURRENT_TASK), "per-CPU current_task");
        return new MyTaskReader(kernel, space, new LinuxTaskReader(kernel, space, current));
    }
}
