// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.xenhpt.api.guest.PhysicalMemory;

/**
 * Chooses among kernels that are all whole in memory. That happens: a reboot does not clear RAM, kexec leaves the old
 * kernel where it was, and a crash kernel runs beside the one that crashed.
 *
 * <p>One that wrote down its panic runs no more, while another is there. Of the rest, that runs whose clock stands
 * latest ({@code timekeeper.xtime_sec}, updated with every tick of a running kernel; {@link ImageClock}). A kernel whose clock cannot be
 * read loses against one whose can; without any clock the first met is taken.
 */
final class RunningKernel {
    private final PhysicalMemory memory;
    private final Map<FoundKernel, OptionalLong> clocks = new HashMap<>();

    RunningKernel(PhysicalMemory memory) {
        this.memory = memory;
    }

    FoundKernel choose(List<FoundKernel> kernels) {
        List<FoundKernel> alive = kernels.stream().filter(kernel -> !kernel.crashed()).toList();
        List<FoundKernel> among = alive.isEmpty() ? kernels : alive;
        FoundKernel best = among.get(0);
        if (among.size() > 1) {
            for (FoundKernel kernel : among) {
                if (clock(kernel).orElse(0) > clock(best).orElse(0)) {
                    best = kernel;
                }
            }
        }
        return best;
    }

    /** Why a kernel that is whole was not taken for the running one, in a clause. */
    String why(FoundKernel other, FoundKernel chosen) {
        if (other.crashed() && !chosen.crashed()) {
            return "whole too, and its VMCOREINFO tells of its panic";
        }
        OptionalLong clock = clock(other);
        if (clock.isPresent() && clock(chosen).isPresent()) {
            return "whole too, and its clock stopped " + (clock(chosen).getAsLong() - clock.getAsLong())
                    + " s before the running one's";
        }
        return "whole too; its clock cannot be read, so that this is a guess: it was met later";
    }

    private OptionalLong clock(FoundKernel kernel) {
        return clocks.computeIfAbsent(kernel, of -> ImageClock.seconds(new KernelImage(memory, of.space(), of.start(),
                of.end())));
    }
}
