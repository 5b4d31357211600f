// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
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
    private final OptionalLong ownOffset;
    private final Optional<Pda> pda;

    public PerCpu(Kernel kernel, AddressSpace space) {
        this.space = space;
        // A kernel without SMP has no offsets: its per-CPU variables are ordinary ones.
        this.offsets = kernel.findSymbol("__per_cpu_offset").orElse(0);
        // x86-64 kept the offsets in each CPU's PDA until 2.6.25.
        this.pda = offsets == 0 ? Pda.of(kernel, space) : Optional.empty();
        // cpu_online_bits until 4.5 (commit 5aec01b834fd), cpu_online_map until 2.6.28.
        this.onlineMask = first(kernel, "__cpu_online_mask", "cpu_online_bits", "cpu_online_map");
        // An inferred profile has it instead of the mask.
        this.ownOffset = onlineMask.isEmpty() ? kernel.findSymbol("this_cpu_off") : OptionalLong.empty();
    }

    /** The first of some symbols that the kernel has: symbols get renamed. */
    public static OptionalLong first(Kernel kernel, String... names) {
        for (String name : names) {
            OptionalLong found = kernel.findSymbol(name);
            if (found.isPresent()) {
                return found;
            }
        }
        return OptionalLong.empty();
    }

    /** A per-CPU variable's symbol; up to 2.6.32 it has a prefix (commit dd17c8f72993). */
    public static OptionalLong variable(Kernel kernel, String name) {
        return first(kernel, name, "per_cpu__" + name);
    }

    /** The symbols this asks a profile for. */
    public static List<String> symbols() {
        return List.of("__per_cpu_offset", "__cpu_online_mask", "cpu_online_bits", "cpu_online_map");
    }

    /** Whether each CPU has its own copy of per-CPU variables, as far as the profile tells. */
    public boolean hasCopies() {
        return offsets != 0 || pda.isPresent();
    }

    /** Whether the profile tells which CPUs are on line; else {@link #online} gives all that may be. */
    public boolean knowsOnline() {
        return onlineMask.isPresent() || ownOffset.isEmpty();
    }

    /** The numbers of the CPUs that are on line. */
    public List<Integer> online() {
        if (offsets != 0 && ownOffset.isPresent()) {
            return withOwnData();
        }
        if (offsets == 0 && pda.isEmpty() || onlineMask.isEmpty()) {
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

    /** Those whose own data holds their offset: the elements of the others are 0, or all alike. */
    private List<Integer> withOwnData() {
        List<Integer> cpus = new ArrayList<>();
        Set<Long> seen = new HashSet<>();
        for (int cpu = 0; cpu < MOST_CPUS; cpu++) {
            try {
                long offset = offset(cpu);
                if (offset == 0 || space.readPointer(address(cpu, ownOffset.getAsLong())) != offset
                        || !seen.add(offset)) {
                    break;
                }
            } catch (MemoryFault fault) {
                break;
            }
            cpus.add(cpu);
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
        long gva = symbol + offset(cpu);
        return space.pointerSize() == 4 ? gva & 0xffffffffL : gva;
    }

    /** The CPU's offset; with KASLR on x86-64 it is also the value of the kernel's GS base on that CPU. */
    public long offset(int cpu) {
        if (pda.isPresent()) {
            return pda.get().perCpuOffset(pda.get().address(cpu));
        }
        return offsets == 0 ? 0 : space.readPointer(offsets + (long) cpu * space.pointerSize());
    }
}
