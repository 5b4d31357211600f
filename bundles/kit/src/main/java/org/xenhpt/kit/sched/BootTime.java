// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit.sched;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.kit.Field;
import org.xenhpt.kit.Layouts;

/**
 * When the guest booted, by its own clock: the real-time offset less the boot-time offset of the kernel's timekeeper
 * (kernel/time/timekeeping.c).
 *
 * <p>The timekeeper is {@code timekeeper} up to 3.16, in {@code tk_core} from 3.17 on (commit 3fdb14fd1df7), after a sequence
 * counter, and in {@code timekeeper_data[0]} from 6.17 on. An inferred profile gives where it begins as {@code timekeeper}.
 */
final class BootTime {
    private final AddressSpace space;
    private final long timekeeper;
    private final Optional<Field> real;
    private final Optional<Field> boot;

    BootTime(Kernel kernel, Layouts layouts, AddressSpace space) {
        this.space = space;
        this.real = layouts.find("timekeeper", "offs_real");
        this.boot = layouts.find("timekeeper", "offs_boot");
        OptionalLong data = kernel.findSymbol("timekeeper_data");
        if (data.isEmpty()) {
            data = kernel.findSymbol("tk_core");
        }
        // Up to 6.12 tk_core's type has no name: a counter, then the timekeeper at the next multiple of 8.
        int offset = layouts.find("tk_data", "timekeeper").map(Field::offset)
                .or(() -> layouts.size("seqcount_raw_spinlock").map(BootTime::aligned))
                .or(() -> layouts.size("seqcount").map(BootTime::aligned)).orElse(8);
        OptionalLong itself = kernel.findSymbol("timekeeper");
        this.timekeeper = itself.isPresent() ? itself.getAsLong() : data.isEmpty() ? 0 : data.getAsLong() + offset;
    }

    private static int aligned(int size) {
        return size + 7 & -8;
    }

    static List<String> symbols() {
        return List.of("timekeeper", "tk_core", "timekeeper_data");
    }

    static List<String> members() {
        return List.of("timekeeper.offs_real", "timekeeper.offs_boot", "tk_data.timekeeper",
                "seqcount_raw_spinlock.seqcount", "seqcount.sequence");
    }

    /** Nanoseconds since 1970 UTC, or {@link Task#UNKNOWN}. */
    long epochNanos() {
        if (timekeeper == 0 || real.isEmpty() || boot.isEmpty()) {
            return Task.UNKNOWN;
        }
        try {
            long epoch = space.readLong(real.get().address(timekeeper)) - space.readLong(boot.get().address(timekeeper));
            return epoch > 0 ? epoch : Task.UNKNOWN;
        } catch (MemoryFault fault) {
            return Task.UNKNOWN;
        }
    }
}
