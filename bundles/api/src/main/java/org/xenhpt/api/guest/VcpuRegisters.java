// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.guest;

import java.util.EnumMap;
import java.util.Map;
import java.util.OptionalLong;

/** The registers of one vCPU, as far as the backend knows them. Addresses in them are GVAs; CR3 holds a GPA and flags. */
public final class VcpuRegisters {
    private final int vcpu;
    private final EnumMap<Register, Long> values;

    public VcpuRegisters(int vcpu, Map<Register, Long> values) {
        this.vcpu = vcpu;
        this.values = new EnumMap<>(Register.class);
        this.values.putAll(values);
    }

    /** The number of the vCPU, from 0. */
    public int vcpu() {
        return vcpu;
    }

    /** The register's value, empty where the backend does not know it. */
    public OptionalLong get(Register register) {
        Long value = values.get(register);
        return value == null ? OptionalLong.empty() : OptionalLong.of(value);
    }

    @Override
    public String toString() {
        StringBuilder text = new StringBuilder("vcpu " + vcpu);
        values.forEach((register, value) -> text.append(' ').append(register).append("=0x")
                .append(Long.toHexString(value)));
        return text.toString();
    }
}
