// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.translation.AddressSpace;

/**
 * The per-processor data area of x86-64 kernels up to 2.6.29 ({@code struct x8664_pda}), which the kernel's GS base points
 * to. It was dissolved into per-CPU variables in 2.6.30 (commits c6f5e0acd5d1, 9af45651f1f7).
 */
public final class Pda {
    private static final String STRUCT = "x8664_pda";
    private static final String TABLE = "_cpu_pda";

    private final AddressSpace space;
    private final long table;
    private final Field number;
    private final Field dataOffset;
    private final Field current;
    private final Field stack;

    private Pda(AddressSpace space, long table, Field number, Field dataOffset, Field current, Field stack) {
        this.space = space;
        this.table = table;
        this.number = number;
        this.dataOffset = dataOffset;
        this.current = current;
        this.stack = stack;
    }

    /** That of a kernel; empty when it has none, or the profile does not tell. */
    public static Optional<Pda> of(Kernel kernel, AddressSpace space) {
        OptionalLong table = kernel.findSymbol(TABLE);
        Layouts layouts = new Layouts(kernel);
        Optional<Field> number = layouts.find(STRUCT, "cpunumber");
        Optional<Field> offset = layouts.find(STRUCT, "data_offset");
        Optional<Field> current = layouts.find(STRUCT, "pcurrent");
        Optional<Field> stack = layouts.find(STRUCT, "kernelstack");
        if (table.isEmpty() || number.isEmpty() || offset.isEmpty() || current.isEmpty() || stack.isEmpty()) {
            return Optional.empty();
        }
        return Optional.of(new Pda(space, table.getAsLong(), number.get(), offset.get(), current.get(), stack.get()));
    }

    /** The symbols this asks a profile for. */
    public static List<String> symbols() {
        return List.of(TABLE);
    }

    /** The members this asks a profile for. */
    public static List<String> members() {
        return List.of("x8664_pda.cpunumber", "x8664_pda.data_offset", "x8664_pda.pcurrent", "x8664_pda.kernelstack");
    }

    /**
     * GVA of a CPU's area; 0 when it has none. {@code _cpu_pda} is an array of pointers up to 2.6.26, and a pointer to such
     * an array from 2.6.27 on (commit 3461b0af0253); the area says which CPU's it is.
     */
    public long address(int cpu) {
        for (long array : new long[] {table, pointer(table)}) {
            long area = array == 0 ? 0 : pointer(array + (long) cpu * space.pointerSize());
            try {
                if (area != 0 && number.signed(space, area) == cpu && current.pointer(space, area) != 0) {
                    return area;
                }
            } catch (MemoryFault fault) {
                // Then it is the other one.
                continue;
            }
        }
        return 0;
    }

    private long pointer(long gva) {
        try {
            return space.readPointer(gva);
        } catch (MemoryFault fault) {
            return 0;
        }
    }

    /** What is added to a per-CPU symbol to get the CPU's own copy. */
    public long perCpuOffset(long area) {
        return area == 0 ? 0 : dataOffset.pointer(space, area);
    }

    /** GVA of the pointer to the running task. */
    public long currentPointer(long area) {
        return current.address(area);
    }

    /** GVA of the pointer to the top of the running task's kernel stack. */
    public long stackPointer(long area) {
        return stack.address(area);
    }
}
