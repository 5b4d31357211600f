// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.Register;

class KdumpTest {
    private static final int PAGE = Samples.PAGE;

    @TempDir
    private Path folder;

    private Guest open(byte[] bytes) {
        return Samples.open(Samples.write(folder, "kdump", bytes));
    }

    private static byte[] changed(KdumpImage image, Consumer<ByteBuffer> lie) {
        ByteBuffer bytes = ByteBuffer.wrap(image.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        lie.accept(bytes);
        return bytes.array();
    }

    private HptException failure(KdumpImage image, Consumer<ByteBuffer> lie) {
        return Samples.unreadable(Samples.write(folder, "kdump", changed(image, lie)));
    }

    private static KdumpImage sample(boolean wide) {
        KdumpImage image = new KdumpImage(wide, 70_000).filtered(1).filtered(0x20_00);
        for (int gfn : new int[] {0, 2, 3, 63, 64, 65, 511, 512, 513, 1023, 1024, 40_000, 69_999}) {
            image.page(gfn);
        }
        return image;
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void pagesAreFoundByTheirPlaceInTheBitmap(boolean wide) {
        try (Guest guest = open(sample(wide).bytes())) {
            PhysicalMemory memory = guest.memory();
            assertThat(guest.info().type()).isEqualTo("kdump-compressed (zlib)");
            assertThat(guest.info().memoryBytes()).isEqualTo(15 * PAGE);
            assertThat(memory.ranges()).containsExactly(new MemoryRange(0, PAGE), new MemoryRange(2 * PAGE, 2 * PAGE),
                    new MemoryRange(63 * PAGE, 3 * PAGE), new MemoryRange(511 * PAGE, 3 * PAGE),
                    new MemoryRange(1023 * PAGE, 2 * PAGE), new MemoryRange(40_000 * PAGE, PAGE),
                    new MemoryRange(69_999 * PAGE, PAGE));
            for (int gfn : new int[] {69_999, 0, 2, 3, 63, 64, 65, 511, 512, 513, 1023, 1024, 40_000}) {
                Samples.assertPage(memory, (long) gfn * PAGE, gfn);
            }
            for (int gfn : new int[] {1, 4, 62, 66, 0x2000, 70_000, 70_001, 1 << 19}) {
                Samples.assertNone(memory, (long) gfn * PAGE);
            }
            Samples.assertNone(memory, -1);
            Samples.assertNone(memory, Long.MIN_VALUE);
            assertThat(memory.machineAddress(0)).isZero();
        }
    }

    @Test
    void pagesMayBeStoredAsTheyAre() {
        try (Guest guest = open(new KdumpImage(true, 100).status(0).stored(5, Samples.page(5), 0)
                .stored(6, Samples.page(6), 0).bytes())) {
            assertThat(guest.info().type()).isEqualTo("kdump-compressed (not compressed)");
            Samples.assertPage(guest.memory(), 5 * PAGE, 5);
            Samples.assertPage(guest.memory(), 6 * PAGE, 6);
        }
    }

    /** Before makedumpfile 1.3.6 the header did not say how pages are compressed. */
    @Test
    void theCompressionIsAlsoToldByThePages() {
        try (Guest guest = open(new KdumpImage(true, 100).status(0).page(5).bytes())) {
            assertThat(guest.info().type()).isEqualTo("kdump-compressed (zlib)");
            Samples.assertPage(guest.memory(), 5 * PAGE, 5);
        }
    }

    /** More pages than are kept: the first windows stay good, and come again when asked for. */
    @Test
    void windowsOutliveTheCache() {
        int count = 20_000;
        KdumpImage image = new KdumpImage(true, count);
        byte[] zeros = Samples.deflate(new byte[PAGE]);
        for (int gfn = 100; gfn < count; gfn++) {
            image.stored(gfn, zeros, KdumpImage.ZLIB);
        }
        for (int gfn = 0; gfn < 100; gfn++) {
            image.page(gfn);
        }
        try (Guest guest = open(image.bytes())) {
            MemoryWindow[] early = new MemoryWindow[100];
            for (int gfn = 0; gfn < 100; gfn++) {
                early[gfn] = guest.memory().window(gfn * PAGE);
            }
            for (int round = 0; round < 3; round++) {
                for (int gfn = 100; gfn < count; gfn++) {
                    assertThat(guest.memory().window((long) gfn * PAGE).bytes().getLong(0)).isZero();
                }
            }
            for (int gfn = 0; gfn < 100; gfn++) {
                byte[] page = new byte[PAGE];
                early[gfn].bytes().get(0, page);
                assertThat(page).isEqualTo(Samples.page(gfn));
                Samples.assertPage(guest.memory(), gfn * PAGE, gfn);
            }
        }
    }

    @Test
    void cachedPagesAndMissingOnesCostNothing() {
        try (Guest guest = open(sample(true).bytes())) {
            PhysicalMemory memory = guest.memory();
            memory.window(0);
            memory.window(PAGE);
            assertThat(Samples.allocatedBy(() -> {
                for (int i = 0; i < 100_000; i++) {
                    memory.window(i % 2 * PAGE);
                }
            })).isLessThan(100_000);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void notesAndVmcoreinfo(boolean wide) {
        byte[] notes = ElfImage.join(wide ? ElfImage.prstatus64(1, 2) : ElfImage.prstatus32(1, 2),
                ElfImage.qemu(0x500));
        try (Guest guest = open(sample(wide).notes(notes).vmcoreinfo("OSRELEASE=5.10\n").bytes())) {
            assertThat(guest.info().vcpus()).isEqualTo(1);
            assertThat(guest.registers().get(0).get(Register.CR3)).hasValue(0x513);
            assertThat(guest.vmcoreinfo()).hasValue("OSRELEASE=5.10\n");
            Samples.assertPage(guest.memory(), 0, 0);
        }
    }

    @Test
    void olderVersionsHaveNoNotesThere() {
        KdumpImage image = sample(true).notes(ElfImage.prstatus64(1, 2)).vmcoreinfo("OSRELEASE=5.10\n");
        try (Guest guest = open(image.version(3).bytes())) {
            assertThat(guest.registers()).isEmpty();
            assertThat(guest.vmcoreinfo()).isPresent();
        }
        try (Guest guest = open(image.version(1).bytes())) {
            assertThat(guest.vmcoreinfo()).isEmpty();
            Samples.assertPage(guest.memory(), 0, 0);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {16, 100, 4096, 16384, 1 << 24})
    void theFlattenedFormReadsTheSame(int recordSize) {
        try (Guest guest = open(KdumpImage.flatten(sample(true).vmcoreinfo("A=1\n").bytes(), recordSize))) {
            assertThat(guest.info().type()).isEqualTo("kdump-compressed (zlib)");
            assertThat(guest.vmcoreinfo()).hasValue("A=1\n");
            Samples.assertPage(guest.memory(), 0, 0);
            Samples.assertPage(guest.memory(), 40_000L * PAGE, 40_000);
            Samples.assertPage(guest.memory(), 69_999L * PAGE, 69_999);
            Samples.assertNone(guest.memory(), PAGE);
        }
    }

    @Test
    void anElfCoreMayBeFlattenedToo() {
        byte[] elf = new ElfImage(true).gap(100).load(PAGE, Samples.pages(1, 5)).load(0x100000, Samples.pages(0x100, 2))
                .bytes();
        try (Guest guest = open(KdumpImage.flatten(elf, 1000))) {
            assertThat(guest.info().type()).isEqualTo("ELF core");
            assertThat(guest.memory().ranges()).containsExactly(new MemoryRange(PAGE, 5 * PAGE),
                    new MemoryRange(0x100000, 2 * PAGE));
            for (int page = 1; page < 6; page++) {
                Samples.assertPage(guest.memory(), page * PAGE, page);
            }
            Samples.assertPage(guest.memory(), 0x101000, 0x101);
            Samples.assertNone(guest.memory(), 0);
            Samples.assertNone(guest.memory(), 0x102000);
        }
    }

    /** makedumpfile writes parts of a dump twice: what came later holds. */
    @Test
    void laterRecordsOfTheFlattenedFormHold() {
        byte[] image = sample(true).bytes();
        byte[] wrong = image.clone();
        Arrays.fill(wrong, 8, 3 * PAGE, (byte) 0x55);
        byte[] first = KdumpImage.flatten(wrong, 5000);
        ByteBuffer both = ByteBuffer.allocate(first.length + 3 * PAGE + 3 * 16);
        both.put(first, 0, first.length - 16);
        for (int at : new int[] {PAGE, 2 * PAGE, 0}) {
            both.putLong(at).putLong(PAGE).put(image, at, PAGE);
        }
        both.putLong(-1).putLong(-1);
        try (Guest guest = open(both.array())) {
            for (int gfn : new int[] {0, 2, 513, 69_999}) {
                Samples.assertPage(guest.memory(), (long) gfn * PAGE, gfn);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"2,lzo", "4,snappy", "0x20,zstd", "0x22,lzo"})
    void otherCompressionsAreNamed(String flags, String name) {
        int status = Integer.decode(flags);
        HptException e = failure(sample(true), bytes -> bytes.putInt(424, status));
        assertThat(e.getMessage()).contains(name, "not supported", "makedumpfile -c");
        KdumpImage unsaid = new KdumpImage(true, 10).status(0).stored(1, new byte[100], status);
        assertThat(Samples.unreadable(Samples.write(folder, "kdump", unsaid.bytes())).getMessage()).contains(name);
    }

    @Test
    void anIncompleteDumpSaysSo() {
        byte[] image = sample(true).status(KdumpImage.ZLIB | 8).bytes();
        byte[] cut = Arrays.copyOf(image, image.length - 3000);
        for (byte[] bytes : new byte[][] {image, cut}) {
            try (Guest guest = open(bytes)) {
                assertThat(guest.info().type()).isEqualTo("kdump-compressed (zlib, incomplete)");
                Samples.assertPage(guest.memory(), 0, 0);
                assertThat(guest.memory().window(69_999L * PAGE) == MemoryWindow.NONE).isEqualTo(bytes == cut);
            }
        }
    }

    @Test
    void aPartOfASplitDumpIsRefused() {
        assertThat(failure(sample(true), bytes -> bytes.putInt(PAGE + 12, 1)).getMessage()).contains("--reassemble");
        assertThat(failure(sample(false), bytes -> bytes.putInt(PAGE + 8, 1)).getMessage()).contains("--reassemble");
    }

    @Test
    void unknownVersionsAndOldFormats() {
        assertThat(failure(sample(true), bytes -> bytes.putInt(8, 7)).detail()).contains("version 7");
        assertThat(failure(sample(true), bytes -> bytes.putInt(8, -1)).detail()).contains("version 4294967295");
        assertThat(failure(sample(true), bytes -> bytes.put("DISKDUMP".getBytes())).detail()).contains("diskdump");
    }

    @ParameterizedTest
    @CsvSource({"4,8192", "4,0", "8,0", "8,-1", "8,0x7fffffff", "8,1000", "12,0", "12,1", "12,-1", "12,1000000"})
    void lyingHeaders(int field, String value) {
        for (boolean wide : new boolean[] {true, false}) {
            KdumpImage image = sample(wide);
            int lie = Long.decode(value).intValue();
            HptException e = failure(image, bytes -> bytes.putInt(image.statusAt() + field, lie));
            assertThat(e.detail()).contains("kdump");
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 32, 70_000 * 8, 1 << 20})
    void lyingNumbersOfPages(long pages) {
        assertThat(failure(sample(true), bytes -> bytes.putLong(PAGE + 96, pages)).detail()).contains("max_mapnr");
        assertThat(failure(sample(false), bytes -> bytes.putLong(PAGE + 72, pages)).detail()).contains("max_mapnr");
    }

    @Test
    void lyingNotes() {
        KdumpImage image = sample(true).notes(ElfImage.prstatus64(1, 2)).vmcoreinfo("A=1");
        for (int field : new int[] {32, 40, 48, 56}) {
            for (long lie : new long[] {-1, Long.MIN_VALUE, 1L << 40}) {
                assertThat(failure(image, bytes -> bytes.putLong(PAGE + field, lie)).detail()).contains("kdump");
            }
        }
    }

    /** A bitmap that tells of more pages than there are descriptors. */
    @Test
    void aBitmapThatPromisesTooMuch() {
        KdumpImage image = sample(true);
        assertThat(failure(image, bytes -> {
            for (int i = 0; i < image.bitmapBytes(); i++) {
                bytes.put(image.bitmapsAt() + image.bitmapBytes() + i, (byte) -1);
            }
        }).detail()).contains("descriptors");
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, Long.MIN_VALUE, Long.MAX_VALUE, 1L << 50, 0})
    void aDescriptorOutsideOfTheImageIsAGap(long at) {
        // The last 1,024 descriptors are looked at when the image is opened: the lie is before them.
        KdumpImage image = new KdumpImage(true, 4000);
        byte[] zeros = Samples.deflate(new byte[PAGE]);
        for (int gfn = 2; gfn < 2000; gfn++) {
            image.stored(gfn, zeros, KdumpImage.ZLIB);
        }
        image.page(0).page(1);
        try (Guest guest = open(changed(image, bytes -> bytes.putLong(image.descriptorsAt() + 24, at)))) {
            Samples.assertPage(guest.memory(), 0, 0);
            Samples.assertNone(guest.memory(), PAGE);
            assertThat(guest.memory().window(2 * PAGE).bytes().getLong(0)).isZero();
        }
        long lie = at == 0 ? -1 : at;
        assertThat(failure(image, bytes -> bytes.putLong(image.descriptorsAt() + 1500 * 24, lie)).detail())
                .contains("last pages");
    }

    @Test
    void pagesThatDoNotInflateToOnePageAreGaps() {
        byte[] random = Samples.page(99);
        byte[] cut = Arrays.copyOf(Samples.deflate(Samples.page(3)), 1000);
        byte[] wrongSum = Samples.deflate(Samples.page(4));
        wrongSum[wrongSum.length - 1] ^= 1;
        byte[] noSum = Arrays.copyOf(Samples.deflate(Samples.page(5)), Samples.deflate(Samples.page(5)).length - 4);
        byte[] bomb = Samples.deflate(new byte[3 << 20]);
        assertThat(bomb.length).isBetween(PAGE / 2, 16 * PAGE);
        KdumpImage image = new KdumpImage(true, 100).page(0)
                .stored(1, Samples.deflate(new byte[PAGE - 1]), KdumpImage.ZLIB)
                .stored(2, Samples.deflate(new byte[PAGE + 1]), KdumpImage.ZLIB)
                .stored(3, cut, KdumpImage.ZLIB).stored(4, wrongSum, KdumpImage.ZLIB)
                .stored(5, noSum, KdumpImage.ZLIB).stored(6, random, KdumpImage.ZLIB)
                .stored(7, bomb, KdumpImage.ZLIB).stored(8, Samples.deflate(new byte[1 << 20]), KdumpImage.ZLIB)
                .stored(9, new byte[0], KdumpImage.ZLIB).stored(10, new byte[100], 0)
                .stored(11, new byte[PAGE + 1], 0).page(12);
        try (Guest guest = open(image.bytes())) {
            for (int gfn = 1; gfn < 12; gfn++) {
                Samples.assertNone(guest.memory(), gfn * PAGE);
            }
            Samples.assertPage(guest.memory(), 0, 0);
            Samples.assertPage(guest.memory(), 12 * PAGE, 12);
        }
    }

    @ParameterizedTest
    @CsvSource({"16,2,type 2", "24,9,version 9", "4096,-2,damaged", "4104,-2,damaged",
        "4104,0x7fffffffffffffff,damaged", "4096,0x7fffffffffffffff,damaged", "4104,0x100000000,record 0"})
    void lyingFlattenedForms(int at, String value, String message) {
        byte[] flat = KdumpImage.flatten(sample(true).bytes(), 4096);
        ByteBuffer.wrap(flat).putLong(at, Long.decode(value));
        assertThat(Samples.unreadable(Samples.write(folder, "flat", flat)).getMessage()).contains(message);
    }

    /** A part that no record wrote is not there; it must not read as zeros. */
    @Test
    void holesInTheFlattenedForm() {
        byte[] image = sample(true).bytes();
        ByteBuffer flat = ByteBuffer.allocate(3 * PAGE);
        flat.put(KdumpImage.flatten(Arrays.copyOf(image, 464), 464), 0, PAGE + 16 + 464);
        flat.putLong(1L << 47).putLong(8).putLong(1).putLong(-1).putLong(-1);
        assertThat(Samples.unreadable(Samples.write(folder, "flat", flat.array())).detail()).contains("sub header");
    }
}
