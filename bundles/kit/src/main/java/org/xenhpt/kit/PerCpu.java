// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.translation.AddressSpace;

/**
 * Per-CPU variables, found from memory alone: {@code __per_cpu_offset[cpu]} added to the variable's symbol.
 *
 * <p>On x86-64 the symbol is an offset from 0 up to 6.14, and from 6.15 on an address in the image, moved by KASLR (commit
 * 9d7de2aa8b41 "x86/percpu/64: Use relative percpu offsets"); {@link Kernel#relocate} knows one from the other.
 */
public final class PerCpu {
    /** NR_CPUS of the largest configuration that x86 allows (MAXSMP). */
    private static final int MOST_CPUS = 8192;

    private final AddressSpace space;
    private final long offsets;
    private final OptionalLong onlineMask;

    public PerCpu(Kernel kernel, AddressSpace space) {
        this.space = space;
        // A kernel without SMP has no offsets: its per-CPU variables are ordinary ones.
        this.offsets = kernel.findSymbol("__per_cpu_offset").orElse(0);
        // cpu_online_bits until 4.5 (commit 5aec01b834fd).
        OptionalLong mask = kernel.findSymbol("__cpu_online_mask");
        this.onlineMask = mask.isPresent() ? mask : kernel.findSymbol("cpu_online_bits");
    }

    /** The symbols this asks a profile for. */
    public static List<String> symbols() {
        return List.of("__per_cpu_offset", "__cpu_online_mask", "cpu_online_bits");
    }

    /** The numbers of the CPUs that are on line. */
    public List<Integer> online() {
        if (offsets == 0 || onlineMask.isEmpty()) {
            return List.of(0);
        }
        List<Integer> cpus = new ArrayList<>();
        int word = space.pointerSize() * 8;
        // The mask is as long as NR_CPUS, which nothing in memory tells: words after it are something else. Where a set
        // bit has no per-CPU area, the mask is over.
        for (int first = 0; first < MOST_CPUS; first += word) {
            long bits = space.readPointer(onlineMask.getAsLong() + first / 8);
            if (bits == 0) {
                break;
            }
            for (int bit = 0; bit < word; bit++) {
                if ((bits >>> bit & 1) != 0) {
                    if (!hasArea(first + bit)) {
                        return cpus;
                    }
                    cpus.add(first + bit);
                }
            }
            if (bits != -1L >>> 64 - word) {
                break;
            }
        }
        return cpus;
    }

    private boolean hasArea(int cpu) {
        try {
            return offset(cpu) != 0;
        } catch (MemoryFault fault) {
            return false;
        }
    }

    /**
     * GVA of a CPU's own copy of a variable.
     *
     * @param symbol as {@link Kernel#findSymbol} gives it
     */
    public long address(int cpu, long symbol) {
        long gva = symbol + (offsets == 0 ? 0 : offset(cpu));
        return space.pointerSize() == 4 ? gva & 0xffffffffL : gva;
    }

    /** The CPU's offset; with KASLR on x86-64 it is also the value of the kernel's GS base on that CPU. */
    public long offset(int cpu) {
        return offsets == 0 ? 0 : space.readPointer(offsets + (long) cpu * space.pointerSize());
    }
}
