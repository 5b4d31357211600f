// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.guest;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;

/** Writes memory and registers as QEMU's {@code dump-guest-memory} does: an ELF core with a note for each vCPU. */
public final class ElfCoreFile {
    private static final int HEADER = 64;
    private static final int SEGMENT = 56;
    private static final int PAGE = 4096;
    /** QEMUCPUState of version 1, with kernel_gs_base. */
    private static final int STATE = 448;

    private ElfCoreFile() {
    }

    /** Writes the first range of the memory, leaving out pages of zeros, which the file has as holes. */
    public static void write(Path file, PhysicalMemory memory, List<VcpuRegisters> vcpus) throws IOException {
        MemoryRange ram = memory.ranges().get(0);
        ByteBuffer notes = little(vcpus.size() * (20 + STATE));
        vcpus.forEach(vcpu -> note(notes, vcpu));
        try (FileChannel to = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            ByteBuffer head = little(PAGE);
            head.put(new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1});
            head.putShort(16, (short) 4).putShort(18, (short) 62).putInt(20, 1).putLong(32, HEADER)
                    .putShort(52, (short) HEADER).putShort(54, (short) SEGMENT).putShort(56, (short) 2);
            segment(head, HEADER, 4, PAGE, 0, notes.capacity());
            segment(head, HEADER + SEGMENT, 1, 2 * PAGE, ram.gpa(), ram.size());
            to.write(head.rewind(), 0);
            to.write(notes.rewind(), PAGE);
            byte[] page = new byte[PAGE];
            for (long gpa = ram.gpa(); gpa < ram.end(); gpa += PAGE) {
                memory.read(gpa, page, 0, PAGE);
                boolean last = gpa + PAGE == ram.end();
                if (last || !isZero(page)) {
                    to.write(ByteBuffer.wrap(page), 2 * PAGE + gpa - ram.gpa());
                }
            }
        }
    }

    private static boolean isZero(byte[] page) {
        for (byte b : page) {
            if (b != 0) {
                return false;
            }
        }
        return true;
    }

    private static void segment(ByteBuffer head, int at, int type, long offset, long gpa, long size) {
        head.putInt(at, type).putLong(at + 8, offset).putLong(at + 24, gpa).putLong(at + 32, size)
                .putLong(at + 40, size);
    }

    private static void note(ByteBuffer notes, VcpuRegisters vcpu) {
        notes.putInt(5).putInt(STATE).putInt(0).put("QEMU\0\0\0\0".getBytes(StandardCharsets.US_ASCII));
        ByteBuffer state = little(STATE);
        state.putInt(0, 1).putInt(4, STATE);
        put(state, 56, vcpu, Register.RSP);
        put(state, 136, vcpu, Register.RIP);
        state.putInt(152, (int) vcpu.get(Register.CS).orElse(0));
        put(state, 240, vcpu, Register.FS_BASE);
        put(state, 264, vcpu, Register.GS_BASE);
        put(state, 336, vcpu, Register.TR_BASE);
        put(state, 416, vcpu, Register.CR3);
        put(state, 440, vcpu, Register.KERNEL_GS_BASE);
        notes.put(state);
    }

    private static void put(ByteBuffer state, int at, VcpuRegisters vcpu, Register register) {
        state.putLong(at, vcpu.get(register).orElse(0));
    }

    private static ByteBuffer little(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }
}
