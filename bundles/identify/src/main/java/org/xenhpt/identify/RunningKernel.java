// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.util.List;
import org.xenhpt.api.guest.PhysicalMemory;

/** Chooses among kernels that are all whole in memory. */
final class RunningKernel {
    RunningKernel(PhysicalMemory memory) {
    }

    FoundKernel choose(List<FoundKernel> kernels) {
        return kernels.stream().filter(kernel -> !kernel.crashed()).findFirst().orElse(kernels.get(0));
    }

    static String why(FoundKernel other) {
        return other.how() + (other.crashed() ? "; it has crashed" : "");
    }
}
