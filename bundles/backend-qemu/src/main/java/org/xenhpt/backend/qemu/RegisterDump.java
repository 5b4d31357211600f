// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;

/**
 * Reads what HMP's {@code info registers -a} prints. A vCPU in 64-bit mode is shown with 64-bit names and widths, one
 * in 32-bit or 16-bit mode with 32-bit ones; in compatibility mode both occur. KERNEL_GS_BASE and LSTAR are not
 * printed.
 */
final class RegisterDump {
    /** QEMU's x86 machines end far below. */
    private static final int MAX_VCPUS = 8192;

    private static final Pattern VCPU = Pattern.compile("CPU#([0-9]{1,5})");
    private static final Pattern VALUE = Pattern.compile(
            "(?<![A-Z0-9])(RIP|EIP|RSP|ESP|RFL|EFL|CR0|CR2|CR3|CR4|EFER)=([0-9a-f]{1,16})(?![0-9a-f])");
    private static final Pattern SEGMENT = Pattern.compile(
            "^(CS|SS|FS|GS|TR) *=([0-9a-f]{1,4}) ([0-9a-f]{8}|[0-9a-f]{16}) [0-9a-f]{8} [0-9a-f]{8}");
    private static final Pattern TABLE = Pattern.compile("^(GDT|IDT) *= *([0-9a-f]{8}|[0-9a-f]{16}) [0-9a-f]{8}");

    private static final Map<String, Register> NAMES = Map.ofEntries(
            Map.entry("RIP", Register.RIP), Map.entry("EIP", Register.RIP),
            Map.entry("RSP", Register.RSP), Map.entry("ESP", Register.RSP),
            Map.entry("RFL", Register.RFLAGS), Map.entry("EFL", Register.RFLAGS),
            Map.entry("CR0", Register.CR0), Map.entry("CR2", Register.CR2),
            Map.entry("CR3", Register.CR3), Map.entry("CR4", Register.CR4), Map.entry("EFER", Register.EFER),
            Map.entry("CS", Register.CS), Map.entry("SS", Register.SS),
            Map.entry("FS", Register.FS_BASE), Map.entry("GS", Register.GS_BASE), Map.entry("TR", Register.TR_BASE),
            Map.entry("GDT", Register.GDTR_BASE), Map.entry("IDT", Register.IDTR_BASE));

    private RegisterDump() {
    }

    /** The vCPUs in the order printed; registers that a line does not give in the known form are left out. */
    static List<VcpuRegisters> parse(String text) {
        List<VcpuRegisters> vcpus = new ArrayList<>();
        Map<Register, Long> values = new EnumMap<>(Register.class);
        int vcpu = -1;
        for (String line : text.split("\r?\n")) {
            Matcher next = VCPU.matcher(line.trim());
            if (next.matches()) {
                add(vcpus, vcpu, values);
                values.clear();
                vcpu = Integer.parseInt(next.group(1));
                if (vcpus.size() == MAX_VCPUS) {
                    return vcpus;
                }
                continue;
            }
            Matcher segment = SEGMENT.matcher(line);
            if (segment.find()) {
                Register register = NAMES.get(segment.group(1));
                // Of code and stack the selector tells the privilege level; of the others the base matters.
                int group = register == Register.CS || register == Register.SS ? 2 : 3;
                put(values, register, segment.group(group));
                continue;
            }
            Matcher table = TABLE.matcher(line);
            if (table.find()) {
                put(values, NAMES.get(table.group(1)), table.group(2));
                continue;
            }
            Matcher value = VALUE.matcher(line);
            while (value.find()) {
                put(values, NAMES.get(value.group(1)), value.group(2));
            }
        }
        add(vcpus, vcpu, values);
        return vcpus;
    }

    private static void put(Map<Register, Long> values, Register register, String hex) {
        values.putIfAbsent(register, Long.parseUnsignedLong(hex, 16));
    }

    private static void add(List<VcpuRegisters> vcpus, int vcpu, Map<Register, Long> values) {
        if (vcpu >= 0 && !values.isEmpty()) {
            vcpus.add(new VcpuRegisters(vcpu, values));
        }
    }
}
