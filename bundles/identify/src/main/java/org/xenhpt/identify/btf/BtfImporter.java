// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.btf;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileImporter;
import org.xenhpt.identify.Banner;

/**
 * Reads structure layouts from a file of BTF ({@code /sys/kernel/btf/vmlinux}), or from an ELF kernel image that has a
 * {@code .BTF} section ({@code vmlinux}); of the latter also symbols, banner and build id, where it has a symbol table
 * and notes.
 */
@Component
public final class BtfImporter implements ProfileImporter {
    private static final String BANNER = "linux_banner";

    @Override
    public String format() {
        return "btf";
    }

    @Override
    public List<String> endings() {
        return List.of(".btf", "vmlinux");
    }

    @Override
    public boolean accepts(Path file) {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer head = head(channel);
            return isBtf(head)
                    || ElfFile.isElf(head) && ElfFile.open(channel).section(".BTF").isPresent();
        } catch (IOException | BtfException unreadable) {
            return false;
        }
    }

    /** A file of sysfs cannot be mapped before 6.16, and tells a size of 0 for some: so it is read. */
    private static ByteBuffer head(FileChannel channel) throws IOException {
        ByteBuffer head = ByteBuffer.allocate(Btf.HEADER);
        while (head.hasRemaining() && channel.read(head, head.position()) > 0) {
            continue;
        }
        return head.flip();
    }

    private static boolean isBtf(ByteBuffer head) {
        return head.limit() == Btf.HEADER && Btf.lengthOf(head) >= 0;
    }

    @Override
    public Profile read(Path file, Needs needs) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer head = head(channel);
            return ElfFile.isElf(head) ? readElf(file, channel, needs) : readRaw(file, channel, head, needs);
        } catch (BtfException damaged) {
            throw failed(file, damaged.getMessage(), damaged);
        } catch (IOException unreadable) {
            String detail = unreadable.getMessage();
            throw failed(file, "cannot be read: " + (detail == null ? unreadable : detail), unreadable);
        }
    }

    private static HptException failed(Path file, String detail, Exception cause) {
        return new HptException(Step.PROFILE, Reason.FILE, file.toString(), detail, cause)
                .next("give a file of BTF (/sys/kernel/btf/vmlinux of that kernel) or a vmlinux with a .BTF section");
    }

    private static Profile readRaw(Path file, FileChannel channel, ByteBuffer head, Needs needs)
            throws IOException, BtfException {
        if (!isBtf(head)) {
            throw new BtfException("neither BTF nor ELF");
        }
        ByteBuffer blob = ByteBuffer.allocate((int) Math.min(Btf.lengthOf(head), lengthOf(channel)));
        while (blob.hasRemaining() && channel.read(blob, blob.position()) > 0) {
            continue;
        }
        if (blob.hasRemaining()) {
            throw new BtfException("truncated: " + blob.position() + " of " + blob.limit() + " bytes of BTF are there");
        }
        Btf btf = Btf.open(blob.array());
        Architecture architecture = btf.pointerSize() == 8 ? Architecture.X86_64 : Architecture.I386;
        return profile(file, btf, new KernelMatch(architecture, "", "", ""), Map.of(), needs);
    }

    private static long lengthOf(FileChannel channel) throws IOException {
        // sysfs tells 0, or the length of a page, for attributes whose length it does not know.
        long size = channel.size();
        return size <= 4096 ? Btf.MAX_BYTES : size;
    }

    private static Profile readElf(Path file, FileChannel channel, Needs needs) throws IOException, BtfException {
        ElfFile elf = ElfFile.open(channel);
        ElfFile.Section section = elf.section(".BTF")
                .orElseThrow(() -> new BtfException("an ELF file without a .BTF section"));
        if (section.size() > Btf.MAX_BYTES) {
            throw new BtfException("its .BTF section is of " + section.size() + " bytes");
        }
        ByteBuffer mapped = elf.bytes(section);
        byte[] blob = new byte[mapped.limit()];
        mapped.get(0, blob);
        Map<String, Long> symbols = new HashMap<>(elf.symbols(needs::wantsSymbol));
        Optional<Banner> banner = Optional.empty();
        Long bannerAt = elf.symbols(BANNER::equals).get(BANNER);
        if (bannerAt != null) {
            banner = elf.at(bannerAt, Banner.MAX_BYTES).flatMap(text -> Banner.parse(text, text.length));
        } else if (elf.section(".rodata").isPresent()) {
            banner = bannerIn(elf.bytes(elf.section(".rodata").get()));
        }
        return profile(file, Btf.open(blob), new KernelMatch(elf.architecture(),
                banner.map(Banner::release).orElse(""), banner.map(Banner::text).orElse(""), elf.buildId()), symbols,
                needs);
    }

    /** For an image whose symbols were stripped: the banner that has a build's number, so not the weak copy. */
    private static Optional<Banner> bannerIn(ByteBuffer readOnly) {
        byte[] text = new byte[Banner.MAX_BYTES];
        int begin = ByteBuffer.wrap(Banner.BEGIN.getBytes(StandardCharsets.US_ASCII)).order(readOnly.order()).getInt();
        for (int at = 0; at + 4 <= readOnly.limit(); at += 4) {
            if (readOnly.getInt(at) == begin) {
                int length = Math.min(text.length, readOnly.limit() - at);
                readOnly.get(at, text, 0, length);
                Optional<Banner> banner = Banner.parse(text, length).filter(b -> b.text().matches(".*\\) #\\d.*"));
                if (banner.isPresent()) {
                    return banner;
                }
            }
        }
        return Optional.empty();
    }

    private static Profile profile(Path file, Btf btf, KernelMatch kernel, Map<String, Long> symbols, Needs needs) {
        BtfLayouts layouts = BtfLayouts.of(btf, needs.members());
        String name = kernel.release().isEmpty() ? nameOf(file) : kernel.release();
        Origin origin = new Origin("btf", file.toString(), LocalDate.now(ZoneOffset.UTC).toString());
        return new Profile(name, kernel, origin, symbols, layouts.structs(),
                BtfLayouts.constants(btf, needs::wantsConstant));
    }

    private static String nameOf(Path file) {
        String name = file.getFileName().toString();
        return name.endsWith(".btf") ? name.substring(0, name.length() - 4) : name;
    }
}
