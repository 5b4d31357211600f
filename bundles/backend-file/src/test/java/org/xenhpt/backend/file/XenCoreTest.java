// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;

class XenCoreTest {
    private static final int PAGE = Samples.PAGE;

    @TempDir
    private Path folder;

    private Guest open(XenCoreImage image) {
        return Samples.open(Samples.write(folder, "core", image.bytes()));
    }

    private String failure(XenCoreImage image, Consumer<ByteBuffer> lie) {
        ByteBuffer bytes = ByteBuffer.wrap(image.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        lie.accept(bytes);
        return Samples.unreadable(Samples.write(folder, "core", bytes.array())).detail();
    }

    private static XenCoreImage some() {
        return new XenCoreImage().vcpu(context -> { }).pages(0, 4).pages(0xc0, 2).pages(0x100000, 3);
    }

    @Test
    void pagesLieWhereTheirFrameNumbersSay() {
        try (Guest guest = open(some())) {
            PhysicalMemory memory = guest.memory();
            assertThat(guest.info().type()).isEqualTo("Xen core");
            assertThat(guest.info().memoryBytes()).isEqualTo(9 * PAGE);
            assertThat(guest.info().vcpus()).isEqualTo(1);
            assertThat(memory.ranges()).containsExactly(new MemoryRange(0, 4 * PAGE),
                    new MemoryRange(0xc0000, 2 * PAGE), new MemoryRange(0x1_0000_0000L, 3 * PAGE));
            for (long gfn : new long[] {0, 1, 2, 3, 0xc0, 0xc1, 0x100000, 0x100001, 0x100002}) {
                Samples.assertPage(memory, gfn * PAGE, gfn);
            }
            Samples.assertNone(memory, 4 * PAGE);
            assertThat(memory.window(0).size()).as("one window for neighbours").isEqualTo(4 * PAGE);
        }
    }

    /** The format has no rule about the order; holes and pages that are there twice are no fault either. */
    @Test
    void pagesMayComeInAnyOrder() {
        List<Long> frames = new ArrayList<>();
        for (long gfn = 0; gfn < 300; gfn++) {
            frames.add(gfn * 3 % 400);
        }
        frames.add(7L);
        Collections.shuffle(frames, new Random(1));
        XenCoreImage image = new XenCoreImage().vcpu(context -> { });
        frames.forEach(image::page);
        try (Guest guest = open(image.nothing().nothing())) {
            for (long gfn = 0; gfn < 400; gfn++) {
                if (frames.contains(gfn)) {
                    Samples.assertPage(guest.memory(), gfn * PAGE, gfn);
                } else {
                    Samples.assertNone(guest.memory(), gfn * PAGE);
                }
            }
        }
    }

    @Test
    void whatGuestsGaveBackIsNotThere() {
        try (Guest guest = open(new XenCoreImage().vcpu(context -> { }).page(5).nothing().page(6).nothing())) {
            assertThat(guest.memory().ranges()).containsExactly(new MemoryRange(5 * PAGE, 2 * PAGE));
            Samples.assertPage(guest.memory(), 6 * PAGE, 6);
        }
    }

    @Test
    void frameNumbersMayComeInPairs() {
        try (Guest guest = open(some().pairs())) {
            Samples.assertPage(guest.memory(), 0xc1000, 0xc1);
            assertThat(guest.info().memoryBytes()).isEqualTo(9 * PAGE);
        }
    }

    private static void context(ByteBuffer to, int cs) {
        to.putLong(520 + 128, 0x1001).putShort(520 + 136, (short) cs).putLong(520 + 144, 0x246);
        to.putLong(520 + 152, 0x1002).putShort(520 + 160, (short) 0x18);
        to.putLong(4984, 0x80050033L).putLong(4984 + 16, 0x1003).putLong(4984 + 24, 0x1004).putLong(4984 + 32, 0x6f0);
        to.putLong(5144, 0x1005).putLong(5152, 0xffff888000000006L).putLong(5160, 0x1007);
    }

    @Test
    void registersOfEachVcpu() {
        try (Guest guest = open(some().vcpu(to -> context(to, 0x10)).vcpu(to -> context(to, 0xe033)))) {
            List<VcpuRegisters> all = guest.registers();
            assertThat(all).extracting(VcpuRegisters::vcpu).containsExactly(0, 1, 2);
            VcpuRegisters kernel = all.get(1);
            assertThat(kernel.get(Register.RIP)).hasValue(0x1001);
            assertThat(kernel.get(Register.CS)).hasValue(0x10);
            assertThat(kernel.get(Register.RFLAGS)).hasValue(0x246);
            assertThat(kernel.get(Register.RSP)).hasValue(0x1002);
            assertThat(kernel.get(Register.SS)).hasValue(0x18);
            assertThat(kernel.get(Register.CR0)).hasValue(0x80050033L);
            assertThat(kernel.get(Register.CR2)).hasValue(0x1003);
            assertThat(kernel.get(Register.CR3)).hasValue(0x1004);
            assertThat(kernel.get(Register.CR4)).hasValue(0x6f0);
            assertThat(kernel.get(Register.FS_BASE)).hasValue(0x1005);
            assertThat(kernel.get(Register.GS_BASE)).hasValue(0xffff888000000006L);
            assertThat(kernel.get(Register.KERNEL_GS_BASE)).hasValue(0x1007);
            assertThat(kernel.get(Register.EFER)).isEmpty();
            VcpuRegisters user = all.get(2);
            assertThat(user.get(Register.CS)).hasValue(0xe033);
            assertThat(user.get(Register.GS_BASE)).hasValue(0x1007);
            assertThat(user.get(Register.KERNEL_GS_BASE)).hasValue(0xffff888000000006L);
        }
    }

    @Test
    void contextsOfAnotherSizeAreNotTaken() {
        byte[] core = some().bytes();
        int status = XenCoreImage.SECTION_HEADERS + 3 * 64;
        ByteBuffer.wrap(core).order(ByteOrder.LITTLE_ENDIAN).putLong(status + 32, 2800);
        try (Guest guest = Samples.open(Samples.write(folder, "core", core))) {
            assertThat(guest.registers()).isEmpty();
            Samples.assertPage(guest.memory(), PAGE, 1);
        }
    }

    @Test
    void aPvGuestIsRefusedByName() {
        assertThat(failure(some().pairs().magic(0xf00febedL), bytes -> { })).contains("Xen PV guest: not supported");
    }

    @Test
    void whatTheHeaderNoteMayNotSay() {
        int note = XenCoreImage.HEADER_NOTE;
        assertThat(failure(some().magic(5), bytes -> { })).contains("magic number 0x5");
        assertThat(failure(some().format(1L << 32), bytes -> { })).contains("version 1.0");
        assertThat(failure(some(), bytes -> bytes.putLong(note + 24, 16384))).contains("pages of 16384 bytes");
        for (long lie : new long[] {-1, 10, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 40}) {
            assertThat(failure(some(), bytes -> bytes.putLong(note + 16, lie))).contains("damaged");
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {Long.MIN_VALUE, -4096, Long.MAX_VALUE, 1L << 52, 1L << 40, 100_000})
    void lyingSections(long lie) {
        // Names, notes, contexts, pages, frame numbers; a lie about the shared page, which nobody reads, does no harm.
        for (int section : new int[] {1, 2, 5, 6}) {
            int header = XenCoreImage.SECTION_HEADERS + section * 64;
            assertThat(failure(some(), bytes -> bytes.putLong(header + 24, lie))).contains("image ends at").contains("ection");
            assertThat(failure(some(), bytes -> bytes.putLong(header + 32, lie))).contains("image ends at").contains("ection");
        }
        assertThat(failure(some(), bytes -> bytes.putLong(40, lie))).contains("section headers");
    }

    @Test
    void sectionsThatAreMissing() {
        for (String name : new String[] {".note.Xen", ".xen_pages", ".xen_pfn"}) {
            byte[] core = some().bytes();
            String text = new String(core, StandardCharsets.ISO_8859_1);
            core[text.lastIndexOf(name) + 2] = 'X';
            assertThat(Samples.unreadable(Samples.write(folder, "core", core)).detail()).contains("without")
                    .contains(name.replace("pfn", "p2m"));
        }
        assertThat(failure(some(), bytes -> bytes.putShort(62, (short) 7))).contains("names in section 7 of 7");
        assertThat(failure(some(), bytes -> bytes.putShort(58, (short) 40))).contains("headers of 40 bytes");
    }

    @ParameterizedTest
    @ValueSource(longs = {-2, Long.MIN_VALUE, 1L << 40, Long.MAX_VALUE})
    void framesThatNoGuestHas(long gfn) {
        int count = 9;
        int names = "\0.shstrtab\0.note.Xen\0.xen_prstatus\0.xen_shared_info\0.xen_pages\0.xen_pfn\0".length();
        int at = some().bytes().length - names - count * 8;
        assertThat(failure(some(), bytes -> bytes.putLong(at + 8, gfn))).contains("frame number 0x"
                + Long.toHexString(gfn));
    }

    /** All frame numbers of a sparse file are 0, so that no two pages make a stretch. */
    @Test
    void aSparseFileThatClaimsTerabytes() throws IOException {
        byte[] core = some().bytes();
        long pages = 1L << 30;
        Path path = Samples.write(folder, "core", core);
        ByteBuffer words = ByteBuffer.wrap(core).order(ByteOrder.LITTLE_ENDIAN);
        int section = XenCoreImage.SECTION_HEADERS + 5 * 64;
        words.putLong(section + 24, 1L << 20).putLong(section + 32, pages * PAGE);
        words.putLong(section + 64 + 24, 1L << 20).putLong(section + 64 + 32, pages * 8);
        words.putLong(XenCoreImage.HEADER_NOTE + 16, pages);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.write(core);
            file.setLength(5L << 40);
        }
        assertTimeoutPreemptively(Duration.ofSeconds(120), () ->
                assertThat(Samples.unreadable(path).detail()).contains("more than 1048576 stretches"));
    }
}
