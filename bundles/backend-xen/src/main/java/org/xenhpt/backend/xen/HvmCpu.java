// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.nio.ByteBuffer;
import java.util.EnumMap;
import java.util.Map;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;

/**
 * The record {@code struct hvm_hw_cpu} of public/arch-x86/hvm/save.h. It is part of what migrates from one version of
 * Xen to the next, so its layout stays.
 */
final class HvmCpu {
    /** {@code HVM_SAVE_CODE(CPU)}. */
    static final short TYPE = 2;
    static final int BYTES = 1032;

    private HvmCpu() {
    }

    /** @param record little-endian */
    static VcpuRegisters parse(int vcpu, ByteBuffer record) {
        Map<Register, Long> values = new EnumMap<>(Register.class);
        values.put(Register.RSP, record.getLong(568));
        values.put(Register.RIP, record.getLong(640));
        values.put(Register.RFLAGS, record.getLong(648));
        values.put(Register.CR0, record.getLong(656));
        values.put(Register.CR2, record.getLong(664));
        values.put(Register.CR3, record.getLong(672));
        values.put(Register.CR4, record.getLong(680));
        values.put(Register.CS, record.getInt(736) & 0xffffffffL);
        values.put(Register.SS, record.getInt(756) & 0xffffffffL);
        values.put(Register.FS_BASE, record.getLong(832));
        values.put(Register.GS_BASE, record.getLong(840));
        values.put(Register.TR_BASE, record.getLong(856));
        values.put(Register.IDTR_BASE, record.getLong(872));
        values.put(Register.GDTR_BASE, record.getLong(880));
        values.put(Register.KERNEL_GS_BASE, record.getLong(944));
        values.put(Register.LSTAR, record.getLong(960));
        values.put(Register.EFER, record.getLong(992));
        return new VcpuRegisters(vcpu, values);
    }
}
