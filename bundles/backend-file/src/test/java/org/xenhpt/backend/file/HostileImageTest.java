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
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.guest.Guest;

/**
 * Images that lie, by every format: each is refused with a message or has gaps. Whatever else is thrown, or takes too
 * long or too much memory, fails the test.
 */
class HostileImageTest {
    private static final int PAGE = Samples.PAGE;
    private static final Duration HANG = Duration.ofSeconds(120);
    /** No image of this test is longer than 1 MiB; what an image makes us allocate has to do with that. */
    private static final long MEMORY = 16 << 20;

    @TempDir
    private Path folder;

    static Stream<Arguments> images() {
        byte[] notes = ElfImage.join(ElfImage.prstatus64(1, 2), ElfImage.prstatus64(3, 4), ElfImage.qemu(1 << 20),
                ElfImage.qemu(1 << 21),
                ElfImage.note("VMCOREINFO", 0, "OSRELEASE=6.1\n".getBytes(StandardCharsets.UTF_8)));
        byte[] notes32 = ElfImage.join(ElfImage.prstatus32(1, 2), ElfImage.qemu(1 << 20));
        byte[] kdump = kdump(true).notes(notes).vmcoreinfo("OSRELEASE=6.1\n").bytes();
        byte[] elf = elf(true).notes(notes).load(0x100000, Samples.pages(0x100, 3)).bytes();
        return Stream.of(
                Arguments.of("elf64", elf),
                Arguments.of("elf64, many segments", elf(true).notes(notes).load(0x100000, Samples.page(3))
                        .countInSection().bytes()),
                Arguments.of("elf32", elf(false).notes(notes32).load(0x100000, Samples.pages(0x100, 3)).bytes()),
                Arguments.of("elf, flattened", KdumpImage.flatten(elf, 1000)),
                Arguments.of("xen core", new XenCoreImage().vcpu(context -> { }).vcpu(context -> { }).pages(0, 3)
                        .pages(0x100, 2).nothing().page(7).bytes()),
                Arguments.of("kdump64", kdump),
                Arguments.of("kdump32", kdump(false).notes(notes32).vmcoreinfo("OSRELEASE=6.1\n").bytes()),
                Arguments.of("kdump, flattened", KdumpImage.flatten(kdump, 1500)),
                Arguments.of("lime", ElfImage.join(LimeTest.range(PAGE, Samples.pages(1, 3)),
                        LimeTest.range(0x100000, Samples.pages(0x100, 3)))));
    }

    private static ElfImage elf(boolean wide) {
        return new ElfImage(wide).gap(40).load(0, Samples.pages(0, 3));
    }

    private static KdumpImage kdump(boolean wide) {
        KdumpImage image = new KdumpImage(wide, 300).filtered(250);
        for (int gfn = 0; gfn < 20; gfn++) {
            image.page(gfn * gfn % 300);
        }
        return image;
    }

    /** Opens an image and reads all over it. Gives whether it could be opened. */
    private boolean use(byte[] bytes) {
        Path path = Samples.write(folder, "image", bytes);
        boolean[] opened = new boolean[1];
        long allocated = Samples.allocatedBy(() -> {
            try (Guest guest = Samples.open(path)) {
                opened[0] = true;
                Samples.lookAllOver(guest);
            } catch (HptException e) {
                assertThat(e.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
                assertThat(e.subject()).isEqualTo(path.toString());
                assertThat(e.detail()).isNotBlank();
            }
        });
        assertThat(allocated).as("bytes allocated").isLessThan(MEMORY);
        // Some file systems write a file to the disk when it is overwritten, but not when it is made anew.
        assertThat(path.toFile().delete()).isTrue();
        return opened[0];
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("images")
    void intactImagesAreRead(String name, byte[] image) {
        Path path = Samples.write(folder, "image", image);
        try (Guest guest = Samples.open(path)) {
            assertThat(Samples.lookAllOver(guest)).isGreaterThan(5);
        }
    }

    /** A truncated image of these formats is never taken for a whole one, wherever it ends. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("images")
    void truncatedImagesAreRefused(String name, byte[] image) {
        boolean[] borders = new boolean[image.length];
        if (name.equals("lime")) {
            // Nothing in the format tells that another range should follow.
            borders[32 + 3 * PAGE] = true;
        }
        Random random = new Random(7);
        assertTimeoutPreemptively(HANG, () -> {
            for (int length = 0; length < image.length; length += length < 200 ? 1 : 1 + random.nextInt(700)) {
                if (!borders[length]) {
                    assertThat(use(Arrays.copyOf(image, length))).as("opened when cut to %d bytes", length).isFalse();
                }
            }
            assertThat(use(Arrays.copyOf(image, image.length - 1))).isFalse();
        });
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("images")
    void imagesWithChangedBytesNeverDoHarm(String name, byte[] image) {
        Random random = new Random(11);
        // Most of an image is pages: of those, change little. Headers are at the begin, or follow the flattened form's.
        int[] begins = {64, 512, PAGE + 600, 2 * PAGE + 600, 3 * PAGE, image.length};
        assertTimeoutPreemptively(HANG, () -> {
            int opened = 0;
            for (int round = 0; round < 300; round++) {
                byte[] changed = image.clone();
                int begin = Math.min(begins[round % begins.length], image.length);
                int changes = 1 + random.nextInt(round % 3 == 0 ? 40 : 3);
                for (int i = 0; i < changes; i++) {
                    int at = random.nextInt(begin);
                    changed[at] = switch (random.nextInt(4)) {
                        case 0 -> (byte) (changed[at] ^ 1 << random.nextInt(8));
                        case 1 -> (byte) 0xff;
                        case 2 -> (byte) 0x7f;
                        default -> (byte) random.nextInt();
                    };
                }
                opened += use(changed) ? 1 : 0;
            }
            assertThat(opened).as("images that could still be opened").isBetween(3, 297);
        });
    }

    /** Each word of the headers, in turn, becomes each of the numbers that overflow something. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("images")
    void wordsThatLie(String name, byte[] image) {
        List<Long> lies = List.of(0L, -1L, Long.MIN_VALUE, 0x7fffffff_7fffffffL, 0xffffffffL, 1L << 40, -4096L);
        ByteOrder order = name.contains("flattened") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
        assertTimeoutPreemptively(HANG, () -> {
            for (int at = 0; at + 8 <= Math.min(image.length, 3 * PAGE); at += at % PAGE < 200 ? 4 : 512) {
                for (long lie : lies) {
                    byte[] changed = image.clone();
                    ByteBuffer.wrap(changed).order(order).putLong(at, lie);
                    use(changed);
                }
            }
        });
    }

    @Test
    void randomBytesBehindEachMagicNumber() {
        Random random = new Random(5);
        assertTimeoutPreemptively(HANG, () -> {
            for (int round = 0; round < 150; round++) {
                byte[] bytes = new byte[random.nextInt(1 << random.nextInt(17)) + 1];
                random.nextBytes(bytes);
                assertThat(use(bytes)).isFalse();
                for (String magic : new String[] {"KDUMP   ", "\177ELF\2\1\1", "\177ELF\1\1\1", "EMiL\1\0\0\0",
                    "makedumpfile\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1"}) {
                    byte[] start = magic.getBytes(StandardCharsets.ISO_8859_1);
                    System.arraycopy(start, 0, bytes, 0, Math.min(start.length, bytes.length));
                    use(bytes);
                }
            }
        });
    }

    @Test
    void randomBytesOfWholePagesAreRawMemoryAndNothingElse() {
        byte[] bytes = new byte[1 << 20];
        new Random(3).nextBytes(bytes);
        assertThat(use(bytes)).isTrue();
    }

    /** A sparse file costs nothing to make, and its size may say anything. */
    @Test
    void sparseFilesThatClaimTerabytes() throws IOException {
        KdumpImage image = new KdumpImage(true, 300).page(1);
        byte[] headers = Arrays.copyOf(image.bytes(), 2 * PAGE);
        ByteBuffer words = ByteBuffer.wrap(headers).order(ByteOrder.LITTLE_ENDIAN);
        words.putInt(424 + 8, 1).putInt(424 + 12, 1 << 15).putInt(424 + 16, 1 << 29).putLong(PAGE + 96, 1L << 29);
        Path kdump = Samples.write(folder, "kdump", headers);
        Path lime = Samples.write(folder, "lime", LimeTest.range(0, Samples.page(0)));
        Path raw = folder.resolve("raw");
        for (Path path : List.of(kdump, lime, raw)) {
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.setLength(4L << 40);
            }
        }
        assertTimeoutPreemptively(HANG, () -> {
            assertThat(Samples.allocatedBy(() -> {
                assertThat(Samples.unreadable(kdump).detail()).contains("without a single page");
            })).isLessThan(MEMORY);
            assertThat(Samples.unreadable(lime).detail()).contains("LiME range 1");
            try (Guest guest = Samples.open(raw)) {
                assertThat(Samples.allocatedBy(() -> Samples.lookAllOver(guest))).isLessThan(MEMORY);
                assertThat(Samples.read(guest.memory(), (4L << 40) - PAGE, PAGE)).containsOnly(0);
            }
        });
    }
}
