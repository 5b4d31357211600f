// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;

@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RegisterDumpTest {
    private static final String LONG_MODE = """

            CPU#0
            RAX=ffffffff819eb0a0 RBX=0000000000000000 RCX=0000000000000001 RDX=0000000000000003
            RSI=0000000000000083 RDI=0000000000000000 RBP=ffffffff82a19a00 RSP=ffffffff82a03e90
            R8 =0000000000000001 R9 =0000000000000000 R10=0000000000000000 R11=0000000000000000
            R12=0000000000000000 R13=0000000000000000 R14=0000000000000000 R15=0000000000000000
            RIP=ffffffff819eb2bb RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
            ES =0000 0000000000000000 00000000 00000000
            CS =0010 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
            SS =0018 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
            DS =0000 0000000000000000 00000000 00000000
            FS =0000 00007f1122334480 00000000 00000000
            GS =0000 ffff88800f600000 00000000 00000000
            LDT=0000 0000000000000000 00000000 00008200 DPL=0 LDT
            TR =0040 fffffe0000003000 00004087 00008b00 DPL=0 TSS64-busy
            GDT=     fffffe0000001000 0000007f
            IDT=     fffffe0000000000 00000fff
            CR0=80050033 CR2=00007ffe7a5c0ff8 CR3=0000000003e10000 CR4=000006f0
            DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000
            DR6=00000000ffff0ff0 DR7=0000000000000400
            CCS=0000000000000000 CCD=0000000000000000 CCO=EFLAGS
            EFER=0000000000000d01
            FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80
            FPR0=0000000000000000 0000 FPR1=0000000000000000 0000
            XMM00=0000000000000000 0000000000000000 XMM01=0000000000000000 0000000000000000

            CPU#1
            RAX=0000000000000000 RBX=0000000000000000 RCX=0000000000000000 RDX=0000000000000000
            RIP=000055d0c0ffee00 RFL=00000202 [-------] CPL=3 II=0 A20=1 SMM=0 HLT=0
            CS =0033 0000000000000000 ffffffff 00affb00 DPL=3 CS64 [-RA]
            CR0=80050033 CR2=0000000000000000 CR3=000000000a1b2000 CR4=000006e0
            EFER=0000000000000d01
            """;

    private static final String PROTECTED_MODE = """

            CPU#0
            EAX=00000000 EBX=c1c7a000 ECX=00000001 EDX=00000000
            ESI=00000000 EDI=c1c75f60 EBP=c1c75f58 ESP=c1c75f54
            EIP=c18b1a52 EFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=1
            ES =007b 00000000 ffffffff 00cff300 DPL=3 DS   [-WA]
            CS =0060 00000000 ffffffff 00cf9b00 DPL=0 CS32 [-RA]
            SS =0068 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
            DS =007b 00000000 ffffffff 00cff300 DPL=3 DS   [-WA]
            FS =00d8 0d8b4000 ffffffff 008f9300 DPL=0 DS16 [-WA]
            GS =0000 00000000 00000000 00000000
            LDT=0000 00000000 00000000 00008200 DPL=0 LDT
            TR =0080 ff806000 0000206b 00008b00 DPL=0 TSS32-busy
            GDT=     ff801000 000000ff
            IDT=     ff800000 000007ff
            CR0=80050033 CR2=b7f2e000 CR3=01d4e000 CR4=000006f0
            EFER=0000000000000800
            """;

    @Test
    void longMode() {
        List<VcpuRegisters> vcpus = RegisterDump.parse(LONG_MODE.replace("\n", "\r\n"));
        assertThat(vcpus).hasSize(2);
        VcpuRegisters first = vcpus.get(0);
        assertThat(first.vcpu()).isZero();
        assertThat(first.get(Register.RIP)).hasValue(0xffffffff819eb2bbL);
        assertThat(first.get(Register.RSP)).hasValue(0xffffffff82a03e90L);
        assertThat(first.get(Register.RFLAGS)).hasValue(0x246);
        assertThat(first.get(Register.CR0)).hasValue(0x80050033L);
        assertThat(first.get(Register.CR2)).hasValue(0x7ffe7a5c0ff8L);
        assertThat(first.get(Register.CR3)).hasValue(0x3e10000);
        assertThat(first.get(Register.CR4)).hasValue(0x6f0);
        assertThat(first.get(Register.EFER)).hasValue(0xd01);
        assertThat(first.get(Register.CS)).hasValue(0x10);
        assertThat(first.get(Register.SS)).hasValue(0x18);
        assertThat(first.get(Register.FS_BASE)).hasValue(0x7f1122334480L);
        assertThat(first.get(Register.GS_BASE)).hasValue(0xffff88800f600000L);
        assertThat(first.get(Register.TR_BASE)).hasValue(0xfffffe0000003000L);
        assertThat(first.get(Register.GDTR_BASE)).hasValue(0xfffffe0000001000L);
        assertThat(first.get(Register.IDTR_BASE)).hasValue(0xfffffe0000000000L);
        assertThat(first.get(Register.KERNEL_GS_BASE)).isEmpty();
        assertThat(first.get(Register.LSTAR)).isEmpty();
        VcpuRegisters second = vcpus.get(1);
        assertThat(second.vcpu()).isEqualTo(1);
        assertThat(second.get(Register.RIP)).hasValue(0x55d0c0ffee00L);
        assertThat(second.get(Register.CS)).hasValue(0x33);
        assertThat(second.get(Register.GS_BASE)).isEmpty();
    }

    @Test
    void protectedMode() {
        List<VcpuRegisters> vcpus = RegisterDump.parse(PROTECTED_MODE);
        assertThat(vcpus).hasSize(1);
        assertThat(vcpus.get(0).get(Register.RIP)).hasValue(0xc18b1a52L);
        assertThat(vcpus.get(0).get(Register.RSP)).hasValue(0xc1c75f54L);
        assertThat(vcpus.get(0).get(Register.FS_BASE)).hasValue(0xd8b4000);
        assertThat(vcpus.get(0).get(Register.CS)).hasValue(0x60);
        assertThat(vcpus.get(0).get(Register.GDTR_BASE)).hasValue(0xff801000L);
        assertThat(vcpus.get(0).get(Register.CR3)).hasValue(0x1d4e000);
        assertThat(vcpus.get(0).get(Register.CR4)).hasValue(0x6f0);
    }

    @Test
    void compatibilityModeMixesWidths() {
        VcpuRegisters vcpu = RegisterDump.parse("CPU#3\nEIP=f7f2e589 EFL=00200246 [---Z-P-] CPL=3\n"
                + "GS =0063 f7d0a500 ffffffff 00d0f300 DPL=3 DS   [-WA]\nGDT=     fffffe0000001000 0000007f\n"
                + "CR0=80050033 CR2=00000000f7f6a0d0 CR3=0000000002d34000 CR4=000006f0\n").get(0);
        assertThat(vcpu.vcpu()).isEqualTo(3);
        assertThat(vcpu.get(Register.RIP)).hasValue(0xf7f2e589L);
        assertThat(vcpu.get(Register.GS_BASE)).hasValue(0xf7d0a500L);
        assertThat(vcpu.get(Register.GDTR_BASE)).hasValue(0xfffffe0000001000L);
        assertThat(vcpu.get(Register.CR3)).hasValue(0x2d34000);
    }

    @Test
    void whatIsNotKnownIsLeftOut() {
        assertThat(RegisterDump.parse("")).isEmpty();
        assertThat(RegisterDump.parse("No CPU available\r\n")).isEmpty();
        assertThat(RegisterDump.parse("RIP=ffffffff819eb2bb\n")).isEmpty();
        assertThat(RegisterDump.parse("CPU#0\nCPU#1\nCPU#99999999999999\n")).isEmpty();
        VcpuRegisters vcpu = RegisterDump.parse("CPU#0\nRIP=nonsense RSP=0123456789abcdef0 CR3=-1 CR0=11\n"
                + "CS =zzzz 0 0 0\nGDT=\nTR =0040 fffffe000000300 00004087 00008b00\n").get(0);
        assertThat(vcpu.get(Register.CR0)).hasValue(0x11);
        for (Register register : Register.values()) {
            if (register != Register.CR0) {
                assertThat(vcpu.get(register)).as(register.name()).isEmpty();
            }
        }
    }

    @Test
    void vcpusWithoutEnd() {
        assertThat(RegisterDump.parse("CPU#1\nCR0=1\n".repeat(100_000)).size()).isLessThanOrEqualTo(8192);
    }
}
