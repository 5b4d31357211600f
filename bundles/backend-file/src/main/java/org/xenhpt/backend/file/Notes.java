// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;

/**
 * What ELF notes tell of a guest: a {@code NT_PRSTATUS} for each vCPU, QEMU's {@code CPUState} notes in the same order
 * (QEMU, target/i386/arch_dump.c), the VMCOREINFO text.
 */
record Notes(List<VcpuRegisters> registers, Optional<String> vmcoreinfo) {
    static final Notes NONE = new Notes(List.of(), Optional.empty());

    private static final int HEADER = 12;
    private static final int NT_PRSTATUS = 1;
    private static final int QEMU_STATE = 0;
    /** Linux' largest NR_CPUS on x86. */
    private static final int MAX_VCPUS = 8192;
    private static final int MAX_NOTES = 4 * MAX_VCPUS;
    /** Linux makes one page of it. */
    private static final int MAX_VMCOREINFO = 1 << 16;
    private static final int MAX_STATE = 4096;
    /** Lengths of C's {@code struct elf_prstatus}: they tell registers of a 64-bit CPU from those of a 32-bit one. */
    private static final int PRSTATUS_64 = 336;
    private static final int PRSTATUS_32 = 144;
    private static final int QEMU_STATE_END = 432;

    /** Reads notes up to the first malformed one. */
    static Notes read(ImageBytes image, long at, long size, String what) {
        if (size == 0) {
            return NONE;
        }
        image.require(what, at, size);
        List<Map<Register, Long>> prstatus = new ArrayList<>();
        List<Map<Register, Long>> qemu = new ArrayList<>();
        Optional<String> vmcoreinfo = Optional.empty();
        long position = at;
        long end = at + size;
        for (int i = 0; i < MAX_NOTES && end - position >= HEADER; i++) {
            ByteBuffer header = image.need(position, HEADER, what);
            long nameSize = Integer.toUnsignedLong(header.getInt(0));
            long contentSize = Integer.toUnsignedLong(header.getInt(4));
            int type = header.getInt(8);
            long content = position + HEADER + padded(nameSize);
            position = content + padded(contentSize);
            // The last note's padding may be missing.
            if (content + contentSize > end) {
                break;
            }
            switch (nameSize <= 16 ? name(image, content - padded(nameSize), (int) nameSize) : "") {
                case "CORE" -> {
                    if (type == NT_PRSTATUS && prstatus.size() < MAX_VCPUS) {
                        prstatus.add(prstatus(image, content, contentSize));
                    }
                }
                case "QEMU" -> {
                    if (type == QEMU_STATE && contentSize >= QEMU_STATE_END && qemu.size() < MAX_VCPUS) {
                        qemu.add(qemuState(image.need(content, (int) Math.min(contentSize, MAX_STATE), what)));
                    }
                }
                case "VMCOREINFO" -> vmcoreinfo = text(image, content, contentSize);
                default -> {
                    // Others are of no use here.
                }
            }
        }
        return new Notes(registers(prstatus, qemu), vmcoreinfo);
    }

    /** These notes, with the VMCOREINFO text that lies at an offset of the image. */
    Notes withVmcoreinfo(ImageBytes image, long at, long size, String what) {
        if (size == 0) {
            return this;
        }
        image.require(what, at, size);
        return new Notes(registers, text(image, at, size));
    }

    boolean isEmpty() {
        return registers.isEmpty() && vmcoreinfo.isEmpty();
    }

    private static long padded(long size) {
        return size + 3 & -4;
    }

    private static String name(ImageBytes image, long at, int size) {
        ByteBuffer bytes = image.need(at, size, "a note's name");
        String name = new String(bytes.array(), StandardCharsets.ISO_8859_1);
        int nul = name.indexOf('\0');
        return nul < 0 ? name : name.substring(0, nul);
    }

    private static Optional<String> text(ImageBytes image, long at, long size) {
        ByteBuffer bytes = image.need(at, (int) Math.min(size, MAX_VMCOREINFO), "VMCOREINFO");
        String text = new String(bytes.array(), StandardCharsets.UTF_8);
        int nul = text.indexOf('\0');
        text = nul < 0 ? text : text.substring(0, nul);
        return text.isBlank() ? Optional.empty() : Optional.of(text);
    }

    private static List<VcpuRegisters> registers(List<Map<Register, Long>> prstatus, List<Map<Register, Long>> qemu) {
        List<VcpuRegisters> result = new ArrayList<>();
        for (int vcpu = 0; vcpu < Math.max(prstatus.size(), qemu.size()); vcpu++) {
            Map<Register, Long> values = new EnumMap<>(Register.class);
            if (vcpu < prstatus.size()) {
                values.putAll(prstatus.get(vcpu));
            }
            if (vcpu < qemu.size()) {
                values.putAll(qemu.get(vcpu));
            }
            result.add(new VcpuRegisters(vcpu, values));
        }
        return List.copyOf(result);
    }

    /**
     * The general registers of a {@code struct elf_prstatus}. Its fs_base and gs_base are not used: a crashed kernel
     * writes the thread's saved bases there, not the CPU's (ELF_CORE_COPY_REGS).
     */
    private static Map<Register, Long> prstatus(ImageBytes image, long at, long size) {
        Map<Register, Long> values = new EnumMap<>(Register.class);
        if (size == PRSTATUS_64) {
            ByteBuffer words = image.need(at, PRSTATUS_64, "NT_PRSTATUS").slice(112, 27 * Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN);
            values.put(Register.RIP, words.getLong(16 * Long.BYTES));
            values.put(Register.CS, words.getLong(17 * Long.BYTES) & 0xffff);
            values.put(Register.RFLAGS, words.getLong(18 * Long.BYTES));
            values.put(Register.RSP, words.getLong(19 * Long.BYTES));
            values.put(Register.SS, words.getLong(20 * Long.BYTES) & 0xffff);
        } else if (size == PRSTATUS_32) {
            ByteBuffer words = image.need(at, PRSTATUS_32, "NT_PRSTATUS").slice(72, 17 * Integer.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN);
            values.put(Register.RIP, Integer.toUnsignedLong(words.getInt(12 * Integer.BYTES)));
            values.put(Register.CS, words.getInt(13 * Integer.BYTES) & 0xffffL);
            values.put(Register.RFLAGS, Integer.toUnsignedLong(words.getInt(14 * Integer.BYTES)));
            values.put(Register.RSP, Integer.toUnsignedLong(words.getInt(15 * Integer.BYTES)));
            values.put(Register.SS, words.getInt(16 * Integer.BYTES) & 0xffffL);
        }
        return values;
    }

    /** QEMU's {@code QEMUCPUState}; EFER is not in it, and KERNEL_GS_BASE only since QEMU 3.1. */
    private static Map<Register, Long> qemuState(ByteBuffer state) {
        Map<Register, Long> values = new EnumMap<>(Register.class);
        values.put(Register.RSP, state.getLong(56));
        values.put(Register.RIP, state.getLong(136));
        values.put(Register.RFLAGS, state.getLong(144));
        values.put(Register.CS, Integer.toUnsignedLong(state.getInt(152)));
        values.put(Register.FS_BASE, state.getLong(224 + 16));
        values.put(Register.GS_BASE, state.getLong(248 + 16));
        values.put(Register.SS, Integer.toUnsignedLong(state.getInt(272)));
        values.put(Register.TR_BASE, state.getLong(320 + 16));
        values.put(Register.GDTR_BASE, state.getLong(344 + 16));
        values.put(Register.IDTR_BASE, state.getLong(368 + 16));
        values.put(Register.CR0, state.getLong(392));
        values.put(Register.CR2, state.getLong(408));
        values.put(Register.CR3, state.getLong(416));
        values.put(Register.CR4, state.getLong(424));
        if (state.limit() >= QEMU_STATE_END + Long.BYTES && state.getInt(4) >= QEMU_STATE_END + Long.BYTES) {
            values.put(Register.KERNEL_GS_BASE, state.getLong(QEMU_STATE_END));
        }
        return values;
    }
}
