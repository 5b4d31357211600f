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
 * counter, and in {@code timekeeper_data[0]} from 6.17 on. An inferred profile gives where it begins as
 * {@code timekeeper}, and up to 3.16 where its {@code wall_to_monotonic} is.
 *
 * <p>Up to 3.3 the offsets are variables of their own, {@code wall_to_monotonic} and {@code total_sleep_time}, which are
 * taken from the real time (commits d9f7217a6acd, 00c5fb7797bd).
 */
final class BootTime {
    private static final long NANOS = 1_000_000_000L;

    private final AddressSpace space;
    private final long timekeeper;
    private final Optional<Field> real;
    private final Optional<Field> boot;
    private final OptionalLong wallToMonotonic;
    private final OptionalLong sleep;
    private final boolean sleepIsTimespec;

    BootTime(Kernel kernel, Layouts layouts, AddressSpace space) {
        this.space = space;
        this.real = layouts.find("timekeeper", "offs_real");
        this.boot = layouts.find("timekeeper", "offs_boot");
        this.wallToMonotonic = kernel.findSymbol("wall_to_monotonic");
        this.sleep = kernel.findSymbol("total_sleep_time");
        // Seconds up to 2.6.31 (commit d4f587c67fc3).
        this.sleepIsTimespec = kernel.identity().version().atLeast(2, 6, 32);
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
        return List.of("timekeeper", "tk_core", "timekeeper_data", "wall_to_monotonic", "total_sleep_time");
    }

    static List<String> members() {
        return List.of("timekeeper.offs_real", "timekeeper.offs_boot", "tk_data.timekeeper",
                "seqcount_raw_spinlock.seqcount", "seqcount.sequence");
    }

    /** Nanoseconds since 1970 UTC, or {@link Task#UNKNOWN}. */
    long epochNanos() {
        if (wallToMonotonic.isPresent()) {
            return fromVariables();
        }
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

    private long fromVariables() {
        try {
            long asleep = sleep.isEmpty() ? 0 : sleepIsTimespec ? timespec(sleep.getAsLong())
                    : space.readPointer(sleep.getAsLong()) * NANOS;
            long epoch = -timespec(wallToMonotonic.getAsLong()) - asleep;
            return epoch > 0 ? epoch : Task.UNKNOWN;
        } catch (MemoryFault fault) {
            return Task.UNKNOWN;
        }
    }

    /** Two longs of the guest's size, the first of which may be negative. */
    private long timespec(long gva) {
        boolean wide = space.pointerSize() == 8;
        long seconds = wide ? space.readLong(gva) : space.readInt(gva);
        return seconds * NANOS + space.readPointer(gva + space.pointerSize());
    }
}
