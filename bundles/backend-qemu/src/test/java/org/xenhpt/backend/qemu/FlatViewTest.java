// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.assertj.core.api.Assertions.tuple;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.backend.qemu.FlatView.Ram;

@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class FlatViewTest {
    private static final String I440FX_5_GIB = """
            FlatView #0
             AS "cpu-smm-0", root: memory
             Root memory region: memory
              0000000000000000-00000000000bffff (prio 0, ram): pc.ram
              0000000000100000-00000000bfffffff (prio 0, ram): pc.ram @0000000000100000

            FlatView #1
             AS "i440FX", root: bus master container
             Root memory region: (none)
              No rendered FlatView

            FlatView #2
             AS "I/O", root: io
             Root memory region: io
              0000000000000000-0000000000000007 (prio 0, i/o): dma-chan
              0000000000000510-0000000000000511 (prio 0, i/o): fwcfg

            FlatView #3
             AS "memory", root: system
             AS "cpu-memory-0", root: system
             Root memory region: system
              0000000000000000-000000000009ffff (prio 0, ram): pc.ram
              00000000000a0000-00000000000bffff (prio 1, i/o): vga-lowmem
              00000000000c0000-00000000000c9fff (prio 0, rom): pc.ram @00000000000c0000
              00000000000ca000-00000000000ccfff (prio 0, ram): pc.ram @00000000000ca000
              00000000000cd000-00000000000e7fff (prio 0, rom): pc.ram @00000000000cd000
              00000000000e8000-00000000000effff (prio 0, ram): pc.ram @00000000000e8000
              00000000000f0000-00000000000fffff (prio 0, rom): pc.ram @00000000000f0000
              0000000000100000-00000000bfffffff (prio 0, ram): pc.ram @0000000000100000
              00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram
              00000000febf0500-00000000febf0515 (prio 0, i/o): bochs dispi interface
              00000000fee00000-00000000feefffff (prio 4096, i/o): apic-msi
              00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios
              0000000100000000-000000017fffffff (prio 0, ram): pc.ram @00000000c0000000

            """;

    private static List<Ram> parse(String text, String... memdevs) {
        return FlatView.parse(text, Set.of(memdevs), "qemu:test");
    }

    private static HptException failure(String text, String... memdevs) {
        HptException error = catchThrowableOfType(HptException.class, () -> parse(text, memdevs));
        assertThat(error.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
        return error;
    }

    private static String memory(String... lines) {
        return "FlatView #0\r\n AS \"memory\", root: system\r\n Root memory region: system\r\n  "
                + String.join("\r\n  ", lines) + "\r\n\r\n";
    }

    @Test
    void i440fxWithMemoryAboveThePciHole() {
        assertThat(parse(I440FX_5_GIB.replace("\n", "\r\n"), "pc.ram")).containsExactly(
                new Ram(0, 0xa0000, "pc.ram"),
                new Ram(0xca000, 0x3000, "pc.ram"),
                new Ram(0xe8000, 0x8000, "pc.ram"),
                new Ram(0x100000, 0xbff00000L, "pc.ram"),
                new Ram(0x100000000L, 0x80000000L, "pc.ram"));
    }

    @Test
    void q35WithKvmAndAPathForAName() {
        assertThat(parse(memory(
                "0000000000000000-000000000009ffff (prio 0, ram): /objects/mem0 KVM",
                "00000000000a0000-00000000000bffff (prio 1, ram): vga.vram KVM",
                "00000000000c0000-00000000000dffff (prio 0, rom): /objects/mem0 @00000000000c0000 KVM",
                "0000000000100000-000000007effffff (prio 0, ram): /objects/mem0 @0000000000100000 KVM",
                "000000007f000000-000000007fffffff (prio 1, i/o): tseg-blackhole",
                "00000000b0000000-00000000bfffffff (prio 0, i/o): pcie-mmcfg-mmio",
                "0000000100000000-000000017fffffff (prio 0, ram): /objects/mem0 @0000000080000000 KVM"), "mem0"))
                .extracting(Ram::gpa, Ram::size).containsExactly(
                        tuple(0L, 0xa0000L),
                        tuple(0x100000L, 0x7ef00000L),
                        tuple(0x100000000L, 0x80000000L));
    }

    @Test
    void severalNodesAndAPluggedDimm() {
        assertThat(parse(memory(
                "0000000000000000-000000003fffffff (prio 0, ram): node0",
                "0000000040000000-000000007fffffff (prio 0, ram): node1",
                "0000000100000000-000000011fffffff (prio 0, ram): dimm-7",
                "0000000240000000-000000025fffffff (prio 0, nv-ram): nvdimm",
                "0000000300000000-000000031fffffff (prio 0, ramd): 0000:01:00.0 BAR 0 mmaps[0]"),
                "node0", "node1", "dimm-7", "nvdimm"))
                .extracting(Ram::block).containsExactly("node0", "node1", "dimm-7");
    }

    @Test
    void microvm() {
        assertThat(parse(memory(
                "0000000000000000-000000000fffffff (prio 0, ram): microvm.ram",
                "00000000feb00e00-00000000feb00fff (prio 0, i/o): virtio-mmio",
                "00000000fffe0000-00000000ffffffff (prio 0, rom): pc.bios"), "microvm.ram"))
                .containsExactly(new Ram(0, 0x10000000, "microvm.ram"));
    }

    @Test
    void ramOfUnknownNamesIsTakenWhenNoneIsKnown() {
        assertThat(parse(memory("0000000000000000-0000000000ffffff (prio 0, ram): ram.of.some.version"), "other"))
                .hasSize(1);
    }

    @Test
    void partsOfPagesAreLeftOut() {
        assertThat(parse(memory("0000000000000800-0000000000002fff (prio 0, ram): r",
                "0000000000003000-00000000000037ff (prio 0, ram): r"), "r"))
                .containsExactly(new Ram(0x1000, 0x2000, "r"));
    }

    @Test
    void sortsByAddress() {
        assertThat(parse(memory("0000000000100000-00000000001fffff (prio 0, ram): r @0000000000100000",
                "0000000000000000-000000000009ffff (prio 0, ram): r"), "r")).extracting(Ram::gpa)
                .containsExactly(0L, 0x100000L);
    }

    @Test
    void otherAddressSpacesAreNotTheMemory() {
        assertThat(failure("FlatView #0\n AS \"cpu-smm-0\", root: memory\n Root memory region: memory\n"
                + "  0000000000000000-00000000000bffff (prio 0, ram): pc.ram\n"))
                .hasMessageContaining("no address space 'memory'").hasMessageContaining("info mtree -f");
    }

    @Test
    void noText() {
        assertThat(failure("")).hasMessageContaining("no address space 'memory'");
        assertThat(failure("unknown command: 'info mtree'\r\n")).hasMessageContaining("no address space 'memory'");
        assertThat(failure(memory())).hasMessageContaining("no RAM");
    }

    @Test
    void lies() {
        assertThat(failure(memory("0000000000000000-00000000000fffff (prio 0, ram): r",
                "00000000000ff000-00000000001fffff (prio 0, ram): r"), "r"))
                .hasMessageContaining("RAM twice at GPA 0xff000");
        assertThat(failure(memory("0000000000000000-0010000000000000 (prio 0, ram): r"), "r"))
                .hasMessageContaining("where x86 has no addresses");
        assertThat(failure(memory("0000000000000000-ffffffffffffffff (prio 0, ram): r"), "r"))
                .hasMessageContaining("where x86 has no addresses");
        assertThat(failure(memory("-000000000001000-0000000000000fff (prio 0, ram): r"), "r"))
                .hasMessageContaining("where x86 has no addresses");
        assertThat(failure(memory("0000000000002000-0000000000000fff (prio 0, ram): r"), "r"))
                .hasMessageContaining("ends before it begins");
        assertThat(failure(memory("0".repeat(100_000) + "-" + "f".repeat(100_000) + " (prio 0, ram): r"), "r")
                .getMessage().length()).isLessThan(300);
    }

    @Test
    void tooManyRanges() {
        String[] lines = new String[5000];
        for (int i = 0; i < lines.length; i++) {
            lines[i] = String.format("%016x-%016x (prio 0, ram): r", i * 8192L, i * 8192L + 4095);
        }
        assertThat(failure(memory(lines), "r")).hasMessageContaining("more than 1024 ranges");
    }
}
