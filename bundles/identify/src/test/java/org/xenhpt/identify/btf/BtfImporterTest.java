// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.btf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;

class BtfImporterTest {
    private static final String BANNER = "Linux version 6.9.1 (me@here) (cc) #7 SMP Test";
    private static final Needs NEEDS = new Needs(Set.of("init_task", "same", "absent"), Set.of("task_struct.pid"));

    @TempDir
    private Path folder;

    private final BtfImporter importer = new BtfImporter();

    private static byte[] blob(int pointerSize) {
        BtfBlob blob = new BtfBlob();
        blob.integer("long unsigned int", pointerSize);
        blob.struct("task_struct", 64).add("pid", blob.integer("int", 4), 16).end();
        return blob.bytes();
    }

    private Path write(String name, byte[] bytes) throws IOException {
        return Files.write(folder.resolve(name), bytes);
    }

    /** An ELF image with the sections that count; symbols as name, address and binding (0 local, 1 global). */
    private static byte[] elf(boolean wide, byte[] btf, boolean withSymbols) {
        List<byte[]> contents = new ArrayList<>();
        List<long[]> headers = new ArrayList<>();
        ByteArrayOutputStream names = new ByteArrayOutputStream();
        names.write(0);
        contents.add(new byte[0]);
        headers.add(new long[] {0, 0, 0, 0, 0});
        String weak = BANNER.replace("#7", "#");
        byte[] readOnly = Arrays.copyOf((weak + "\n").getBytes(StandardCharsets.US_ASCII), 256);
        System.arraycopy((BANNER + "\n").getBytes(StandardCharsets.US_ASCII), 0, readOnly, 128, BANNER.length() + 1);
        add(contents, headers, names, ".rodata", 1, 0xc2000000L, readOnly, 0, 0);
        add(contents, headers, names, ".notes", 7, 0, words(4, 4, 99, 0x00554e47, 0, 4, 8, 3, 0x00554e47, 0x44332211,
                0x88776655), 0, 0);
        add(contents, headers, names, ".BTF", 1, 0, btf, 0, 0);
        if (withSymbols) {
            ByteArrayOutputStream strings = new ByteArrayOutputStream();
            strings.write(0);
            ByteArrayOutputStream table = new ByteArrayOutputStream();
            symbol(table, strings, wide, "", 0, 0, 0);
            symbol(table, strings, wide, "linux_banner", 0xc2000080L, 1, 1);
            symbol(table, strings, wide, "same", 0xc1000000L, 0, 1);
            symbol(table, strings, wide, "same", 0xc1000100L, 1, 1);
            symbol(table, strings, wide, "same", 0xc1000200L, 0, 1);
            symbol(table, strings, wide, "init_task", 0xc2001000L, 1, 1);
            symbol(table, strings, wide, "absent", 0xc2001000L, 1, 0);
            add(contents, headers, names, ".symtab", 2, 0, table.toByteArray(), 5, wide ? 24 : 16);
            add(contents, headers, names, ".strtab", 3, 0, strings.toByteArray(), 0, 0);
        }
        add(contents, headers, names, ".shstrtab", 3, 0, new byte[0], 0, 0);
        contents.set(contents.size() - 1, names.toByteArray());

        ByteBuffer out = ByteBuffer.allocate(1 << 16).order(ByteOrder.LITTLE_ENDIAN);
        out.position(64);
        long[] offsets = new long[contents.size()];
        for (int i = 0; i < contents.size(); i++) {
            offsets[i] = out.position();
            out.put(contents.get(i));
        }
        int table = out.position();
        for (int i = 0; i < contents.size(); i++) {
            long[] h = headers.get(i);
            out.putInt((int) h[0]).putInt((int) h[1]);
            if (wide) {
                out.putLong(2).putLong(h[2]).putLong(offsets[i]).putLong(contents.get(i).length).putInt((int) h[3])
                        .putInt(0).putLong(1).putLong(h[4]);
            } else {
                out.putInt(2).putInt((int) h[2]).putInt((int) offsets[i]).putInt(contents.get(i).length)
                        .putInt((int) h[3]).putInt(0).putInt(1).putInt((int) h[4]);
            }
        }
        int length = out.position();
        out.putInt(0, 0x464c457f).put(4, (byte) (wide ? 2 : 1)).put(5, (byte) 1).putShort(18, (short) (wide ? 62 : 3));
        if (wide) {
            out.putLong(0x28, table).putShort(0x3a, (short) 64).putShort(0x3c, (short) contents.size())
                    .putShort(0x3e, (short) (contents.size() - 1));
        } else {
            out.putInt(0x20, table).putShort(0x2e, (short) 40).putShort(0x30, (short) contents.size())
                    .putShort(0x32, (short) (contents.size() - 1));
        }
        return Arrays.copyOf(out.array(), length);
    }

    private static byte[] words(int... words) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * words.length).order(ByteOrder.LITTLE_ENDIAN);
        Arrays.stream(words).forEach(bytes::putInt);
        return bytes.array();
    }

    private static void add(List<byte[]> contents, List<long[]> headers, ByteArrayOutputStream names, String name,
            int type, long address, byte[] bytes, int link, int entrySize) {
        headers.add(new long[] {names.size(), type, address, link, entrySize});
        names.writeBytes(name.getBytes(StandardCharsets.US_ASCII));
        names.write(0);
        contents.add(bytes);
    }

    private static void symbol(ByteArrayOutputStream table, ByteArrayOutputStream strings, boolean wide, String name,
            long value, int binding, int section) {
        ByteBuffer b = ByteBuffer.allocate(wide ? 24 : 16).order(ByteOrder.LITTLE_ENDIAN);
        b.putInt(name.isEmpty() ? 0 : strings.size());
        if (wide) {
            b.put((byte) (binding << 4)).put((byte) 0).putShort((short) section).putLong(value).putLong(0);
        } else {
            b.putInt((int) value).putInt(0).put((byte) (binding << 4)).put((byte) 0).putShort((short) section);
        }
        table.writeBytes(b.array());
        if (!name.isEmpty()) {
            strings.writeBytes(name.getBytes(StandardCharsets.US_ASCII));
            strings.write(0);
        }
    }

    @Test
    void readsAFileOfBtf() throws IOException {
        Path file = write("kernel.btf", blob(8));
        assertThat(importer.accepts(file)).isTrue();
        Profile profile = importer.read(file, NEEDS);
        assertThat(profile.name()).isEqualTo("kernel");
        assertThat(profile.kernel()).isEqualTo(new KernelMatch(Architecture.X86_64, "", "", ""));
        assertThat(profile.origin().source()).isEqualTo("btf");
        assertThat(profile.symbols()).isEmpty();
        assertThat(profile.member("task_struct", "pid")).contains(new Member(16, 4, "int"));
        assertThat(importer.read(write("small.btf", blob(4)), NEEDS).kernel().architecture())
                .isEqualTo(Architecture.I386);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void readsAnElfImage(boolean wide) throws IOException {
        Path file = write("vmlinux", elf(wide, blob(wide ? 8 : 4), true));
        assertThat(importer.accepts(file)).isTrue();
        Profile profile = importer.read(file, NEEDS);
        assertThat(profile.name()).isEqualTo("6.9.1");
        assertThat(profile.kernel()).isEqualTo(new KernelMatch(wide ? Architecture.X86_64 : Architecture.I386, "6.9.1",
                BANNER, "1122334455667788"));
        assertThat(profile.symbols()).isEqualTo(Map.of("init_task", 0xc2001000L, "same", 0xc1000100L));
        assertThat(profile.member("task_struct", "pid")).isPresent();
    }

    @Test
    void findsTheBannerOfAStrippedImage() throws IOException {
        Profile profile = importer.read(write("vmlinux", elf(true, blob(8), false)), NEEDS);
        assertThat(profile.kernel().banner()).isEqualTo(BANNER);
        assertThat(profile.symbols()).isEmpty();
    }

    @Test
    void doesNotAcceptOtherFiles() throws IOException {
        assertThat(importer.accepts(write("text", "BTF".getBytes(StandardCharsets.US_ASCII)))).isFalse();
        assertThat(importer.accepts(write("empty", new byte[0]))).isFalse();
        assertThat(importer.accepts(write("elf", Arrays.copyOf(elf(true, blob(8), true), 64)))).isFalse();
        assertThat(importer.accepts(folder)).isFalse();
        assertThat(importer.accepts(folder.resolve("none"))).isFalse();
    }

    private HptException failure(Path file) {
        HptException failure = catchThrowableOfType(HptException.class, () -> importer.read(file, NEEDS));
        assertThat(failure).isNotNull();
        assertThat(failure.reason()).isEqualTo(Reason.FILE);
        assertThat(failure.subject()).isEqualTo(file.toString());
        return failure;
    }

    @Test
    void saysWhatIsWrongWithAFile() throws IOException {
        byte[] blob = blob(8);
        assertThat(failure(folder.resolve("none")).detail()).contains("cannot be read");
        assertThat(failure(write("text", new byte[100])).detail()).contains("neither BTF nor ELF");
        assertThat(failure(write("cut.btf", Arrays.copyOf(blob, blob.length - 1))).detail()).contains("truncated");
        byte[] noSection = elf(true, blob, true);
        int at = new String(noSection, StandardCharsets.ISO_8859_1).indexOf(".BTF");
        noSection[at + 1] = 'X';
        assertThat(failure(write("vmlinux", noSection)).detail()).contains("without a .BTF section");
    }

    @Test
    void endsOnDamagedImages() throws IOException {
        byte[] good = elf(true, blob(8), true);
        Random random = new Random(3);
        assertTimeoutPreemptively(Duration.ofSeconds(120), () -> {
            for (int round = 0; round < 300; round++) {
                byte[] bad = round < 50 ? Arrays.copyOf(good, round * good.length / 50) : good.clone();
                for (int flips = 0; flips < 4 && round >= 50; flips++) {
                    int at = random.nextBoolean() ? random.nextInt(64) : random.nextInt(bad.length);
                    bad[at] ^= (byte) (1 << random.nextInt(8));
                }
                Path file = write("bad" + round, bad);
                importer.accepts(file);
                try {
                    importer.read(file, NEEDS);
                } catch (HptException rejected) {
                    assertThat(rejected.reason()).isEqualTo(Reason.FILE);
                }
            }
        });
    }
}
