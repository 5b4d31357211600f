// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.LongPredicate;
import java.util.function.ToLongFunction;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.Clue;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.api.translation.Translator;

/**
 * Decides whether what was found in memory belongs to a kernel that is all there. A claim holds when the page tables it
 * names map the image where it says, {@code init_uts_ns} read through them names the release it says, and the image
 * holds the banner of just that build.
 */
final class KernelCheck {
    /** CONFIG_PAGE_OFFSET of i386: the five that arch/x86/Kconfig offers as VMSPLIT. */
    static final long[] PAGE_OFFSETS = {0xc0000000L, 0xb0000000L, 0x80000000L, 0x78000000L, 0x40000000L};

    /** Fields of struct new_utsname are of 65 bytes (__NEW_UTS_LEN + 1): user space relies on it. */
    private static final int UTS_FIELD = 65;
    private static final int UTS_SIZE = 6 * UTS_FIELD;
    /** How far into struct uts_namespace its names are looked for, in bytes. */
    private static final int UTS_NAMES_WITHIN = 64;
    /** Banners lie near the start of the read-only data, or (since 6.1) before the kallsyms tables. */
    private static final long NEAR = 256 << 10;
    private static final long I386_LARGEST_IMAGE = 96 << 20;
    /** Where the first bzImages put the kernel. */
    private static final long I386_LOWEST = 1 << 20;
    /** What may follow swapper_pg_dir in .bss, in bytes. */
    private static final long AFTER_TABLES = 8 << 20;
    private static final long LARGE_PAGE = 1 << 20;
    private static final int PAGE = 4096;
    private static final String WHERE_IT_WAS = "where it was before";
    /** The least CONFIG_PHYSICAL_ALIGN with which KASLR is possible. */
    private static final long ALIGNED = 2 << 20;
    /** At most so many bytes are before _stext up to 4.x. */
    private static final long I386_ENTRY_CODE = 64 << 10;
    /** The first instructions of startup_32, in bytes. */
    private static final int I386_STARTUP = 64;
    /** LGDT of a 32-bit address; MOV of 32 bits to EAX; MOV of EAX to DS, and to ES (Intel SDM volume 2). */
    private static final int LGDT = 0x15010f;
    private static final byte MOV_TO_EAX = (byte) 0xb8;
    private static final int MOV_TO_DS_AND_ES = 0xc08ed88e;
    /** __BOOT_DS, of the boot protocol. */
    private static final int BOOT_DS = 0x18;

    private final PhysicalMemory memory;
    private final Ram ram;
    private final Translator translator;
    private final Set<String> rejected = new LinkedHashSet<>();
    private final Progress progress;
    /** Where to look instead of searching. */
    private final Optional<KnownPlace> known;

    KernelCheck(PhysicalMemory memory, Ram ram, Translator translator, Progress progress) {
        this(memory, ram, translator, progress, Optional.empty());
    }

    private KernelCheck(PhysicalMemory memory, Ram ram, Translator translator, Progress progress,
            Optional<KnownPlace> known) {
        this.known = known;
        this.progress = progress;
        this.memory = memory;
        this.ram = ram;
        this.translator = translator;
    }

    /** The kernel that is where one was before; perhaps at another place than that one. */
    static Optional<FoundKernel> checkAt(KnownPlace place, PhysicalMemory memory, Ram ram, Translator translator,
            Progress progress) {
        if ((place.root() & 31) != 0 || !ram.contains(place.root())) {
            return Optional.empty();
        }
        KernelCheck check = new KernelCheck(memory, ram, translator, progress, Optional.of(place));
        Optional<ImageMapping> mapping = ImageMapping.of(ram, place.mode(), place.root());
        if (place.vmcoreinfo() >= 0) {
            byte[] text = new byte[Vmcoreinfo.MAX_BYTES];
            return Vmcoreinfo.parse(text, memory.read(place.vmcoreinfo(), text, 0, text.length)).flatMap(info ->
                    check.check(info, place.vmcoreinfo(), WHERE_IT_WAS, mapping.stream().toList()));
        }
        if (place.mode().pointerSize() == 8) {
            return mapping.flatMap(m -> check.check(new MemorySearch.TableCopy(place.mode(), place.root(), m)));
        }
        return check.check(new I386Tables.Candidate(place.mode(), place.root(), place.base()));
    }

    /**
     * The first place where there is what is sought.
     *
     * @param there where it was before, if the kernel was known before
     */
    private OptionalLong seek(KernelImage image, long from, long to, int word, ToLongFunction<KnownPlace> there,
            LongPredicate accept) {
        if (known.isEmpty()) {
            return image.search(from, to, 4, word, -1, accept);
        }
        long gva = there.applyAsLong(known.get());
        return image.contains(gva) && accept.test(gva) ? OptionalLong.of(gva) : OptionalLong.empty();
    }

    /** Why claims were not believed, in order. */
    Set<String> rejected() {
        return rejected;
    }

    private <T> Optional<T> reject(String claim, String why) {
        if (rejected.add(claim + ": " + why)) {
            int at = claim.indexOf(" at ");
            progress.met(new Clue(Clue.Verdict.REJECTED, at < 0 ? claim : claim.substring(0, at),
                    at < 0 ? "" : claim.substring(at + 4), why));
        }
        return Optional.empty();
    }

    /**
     * Checks a VMCOREINFO text.
     *
     * @param gpa      where it was found, -1 when it came with the image
     * @param where    the same in a few words
     * @param mappings kernel images met in memory: for kernels whose VMCOREINFO does not tell {@code phys_base}
     */
    Optional<FoundKernel> check(Vmcoreinfo info, long gpa, String where, List<ImageMapping> mappings) {
        String claim = "VMCOREINFO of " + info.release() + " " + where;
        OptionalLong text = info.symbol("_stext");
        OptionalLong uts = info.symbol("init_uts_ns");
        OptionalLong top = info.topLevelTable();
        if (text.isEmpty() || uts.isEmpty() || top.isEmpty()) {
            return reject(claim, "lists no _stext, init_uts_ns or swapper_pg_dir");
        }
        String why = "";
        for (Place place : places(info, mappings)) {
            long root = place.gpa(top.getAsLong());
            if ((root & 31) != 0 || !ram.contains(root)) {
                why = "its page tables are not in RAM";
                continue;
            }
            Optional<PagingMode> mode = translator.modeOf(memory, root, text.getAsLong(), place.gpa(text.getAsLong()));
            if (mode.isEmpty() || mode.get().pointerSize() != place.architecture.pointerSize()) {
                why = "its page tables at GPA 0x" + Long.toHexString(root) + " do not map _stext";
                continue;
            }
            AddressSpace space = translator.open(memory, mode.get(), root);
            if (space.find(uts.getAsLong()) != place.gpa(uts.getAsLong())) {
                why = "its page tables do not map init_uts_ns";
                continue;
            }
            Optional<Names> names = utsNamespace(space, uts.getAsLong(), info);
            if (names.isEmpty() || !names.get().release().equals(info.release())) {
                why = "init_uts_ns says " + names.map(n -> "\"" + n.release() + "\"").orElse("nothing readable");
                continue;
            }
            return finish(claim, place, space, names.get(), Optional.of(info), gpa, text.getAsLong());
        }
        return reject(claim, why);
    }

    /** Checks a page that may be an x86-64 kernel's own top-level table, without any VMCOREINFO. */
    Optional<FoundKernel> check(MemorySearch.TableCopy table) {
        String claim = table.mode().label() + " table at GPA 0x" + Long.toHexString(table.root());
        Place place = new Place(Architecture.X86_64, ImageMapping.BASE, table.mapping().physBase());
        AddressSpace space = translator.open(memory, table.mode(), table.root());
        ImageMapping mapping = table.mapping();
        if (space.find(mapping.noExecute()) != mapping.gpaOf(mapping.noExecute())) {
            return reject(claim, "does not map the kernel image it leads to");
        }
        if (!new DirectMap(ram, table.mode(), table.root()).reaches(space, mapping.gpaOf(mapping.start()))) {
            return reject(claim, "maps a kernel image and no direct map: an early or a user half's table");
        }
        KernelImage image = new KernelImage(memory, space, mapping.start(), mapping.end());
        List<Names> found = new ArrayList<>();
        // init_uts_ns lies in .data, after the read-only data. Since 6.1 a weak copy without the build's number does
        // too. A kernel without CONFIG_DEBUG_RODATA (an option until 4.11) protects nothing but what it freed, and
        // that is after .data.
        LongPredicate isNamed = gva -> {
            utsname(space, gva).filter(names -> names.machine().equals("x86_64") && names.isNumbered())
                    .ifPresent(found::add);
            return !found.isEmpty();
        };
        seek(image, mapping.noExecute(), mapping.end(), word("Linu"), KnownPlace::uts, isNamed);
        if (found.isEmpty()) {
            seek(image, mapping.start(), mapping.noExecute(), word("Linu"), KnownPlace::uts, isNamed);
        }
        if (found.isEmpty()) {
            return reject(claim, "the kernel image it maps holds no init_uts_ns");
        }
        OptionalLong at = known.isPresent() ? OptionalLong.empty() : vmcoreinfoIn(image, found.get(0).release(), table);
        return finish(claim, place, space, found.get(0),
                at.isEmpty() ? Optional.empty() : vmcoreinfoAt(image, at.getAsLong()),
                at.isEmpty() ? -1 : space.find(at.getAsLong()), mapping.start());
    }

    /**
     * Checks what may be an i386 kernel's own top-level table, without any VMCOREINFO. It lies in the image, at its
     * end; where the image begins nothing tells, and where it ends neither.
     */
    Optional<FoundKernel> check(I386Tables.Candidate table) {
        String claim = table.mode().label() + " table at GPA 0x" + Long.toHexString(table.root());
        long base = table.pageOffset();
        AddressSpace space = translator.open(memory, table.mode(), table.root());
        if (space.find(base + table.root()) != table.root()) {
            return reject(claim, "does not map itself into the direct map");
        }
        long start = Math.max(base + I386_LOWEST, base + table.root() - I386_LARGEST_IMAGE / 2) & -LARGE_PAGE;
        long end = base + table.root() + AFTER_TABLES & -LARGE_PAGE;
        KernelImage image = new KernelImage(memory, space, start, end);
        List<FoundKernel> found = new ArrayList<>();
        // Before 4.13 VMCOREINFO is in .bss, where no page begins with it. It tells more than the tables.
        if (known.isEmpty()) {
            image.search(start, end, 4, word("OSRE"), -1, gva -> {
                vmcoreinfoAt(image, gva)
                        .filter(v -> v.topLevelTable().equals(OptionalLong.of(base + table.root())))
                        .flatMap(v -> check(v, gva - base, "at GPA 0x" + Long.toHexString(gva - base), List.of()))
                        .ifPresent(found::add);
                return !found.isEmpty();
            });
        }
        if (!found.isEmpty()) {
            return Optional.of(found.get(0));
        }
        OptionalLong text = startup(image, base, table.root());
        long begin = text.orElse(start);
        OptionalLong kaslr = text.isPresent() ? kaslrOf32Bit(base, begin) : text;
        // Weak copies, and those of other kernels in the page cache, have no banner near them that says the same.
        seek(image, begin, end, word("Linu"), KnownPlace::uts, gva -> {
            Optional<Names> names = utsname(space, gva);
            if (names.isPresent() && names.get().machine().matches("i[3-6]86") && names.get().isNumbered()) {
                List<Banner> banners = new ArrayList<>();
                OptionalLong at = findBanner(image, begin, Optional.empty(), names.get(), banners);
                at.ifPresent(banner -> found.add(new FoundKernel(Architecture.I386, space, 0, base, begin, end, gva,
                        names.get().version(), banners.get(0), banner, Optional.empty(), -1, kaslr, claim)));
            }
            return !found.isEmpty();
        });
        return found.isEmpty() ? reject(claim, "no init_uts_ns and banner of one kernel lie before it")
                : Optional.of(found.get(0));
    }

    /** Before 4.13 VMCOREINFO is an array in the image's .bss. */
    private static OptionalLong vmcoreinfoIn(KernelImage image, String release, MemorySearch.TableCopy table) {
        OptionalLong top = OptionalLong.of(table.root() - table.mapping().physBase() + ImageMapping.BASE);
        LongPredicate accept = gva -> vmcoreinfoAt(image, gva)
                .filter(v -> v.release().equals(release) && v.topLevelTable().equals(top)).isPresent();
        long from = table.mapping().noExecute();
        OptionalLong at = image.search(from, image.end(), 4, word("OSRE"), -1, accept);
        return at.isPresent() ? at : image.search(image.start(), from, 4, word("OSRE"), -1, accept);
    }

    private static Optional<Vmcoreinfo> vmcoreinfoAt(KernelImage image, long gva) {
        byte[] text = new byte[Vmcoreinfo.MAX_BYTES];
        int length = (int) Math.min(text.length, image.end() - gva);
        return image.read(gva, text, length) ? Vmcoreinfo.parse(text, length) : Optional.empty();
    }

    private Optional<FoundKernel> finish(String claim, Place place, AddressSpace space, Names uts,
            Optional<Vmcoreinfo> info, long infoAt, long text) {
        long start;
        long end;
        long readOnly;
        OptionalLong kaslr;
        if (place.architecture == Architecture.X86_64) {
            Optional<ImageMapping> mapping = ImageMapping.of(ram, space.mode(), space.rootGpa());
            if (mapping.isEmpty() || mapping.get().physBase() != place.physBase
                    || !mapping.get().holds(space.rootGpa())) {
                return reject(claim, "its page tables are not those of the kernel image they lie in");
            }
            start = mapping.get().start();
            end = mapping.get().end();
            readOnly = mapping.get().noExecute();
            kaslr = info.map(Vmcoreinfo::kernelOffset).orElse(OptionalLong.empty());
            if (kaslr.isEmpty() || kaslr.getAsLong() < 0 || kaslr.getAsLong() > text - ImageMapping.BASE
                    || (kaslr.getAsLong() & 0x1fffff) != 0) {
                kaslr = OptionalLong.of(mapping.get().kaslrOffset());
            }
        } else {
            start = text & -PAGE;
            end = endOfImage(space, place, start, info);
            readOnly = start;
            kaslr = kaslrOf32Bit(place.base, text);
        }
        KernelImage image = new KernelImage(memory, space, start, end);
        List<Banner> banners = new ArrayList<>();
        OptionalLong at = findBanner(image, readOnly, info, uts, banners);
        if (at.isEmpty()) {
            return reject(claim, "its image holds no banner of " + uts.release() + " " + uts.version());
        }
        return Optional.of(new FoundKernel(place.architecture, space, place.physBase, place.base, start, end,
                uts.at(), uts.version(), banners.get(0), at.getAsLong(), info, infoAt, kaslr, claim));
    }

    /**
     * On i386 the direct map holds the image and goes on after it. The image reaches at least to the last of its known
     * symbols; swapper_pg_dir, which VMCOREINFO lists, lies in .bss, near its end.
     */
    private static long endOfImage(AddressSpace space, Place place, long start, Optional<Vmcoreinfo> info) {
        long end = start + PAGE;
        if (info.isPresent()) {
            for (long gva : info.get().symbols().values()) {
                if (gva >= end && gva - start < I386_LARGEST_IMAGE && space.find(gva) == place.gpa(gva)) {
                    end = (gva & -PAGE) + PAGE;
                }
            }
        }
        return end;
    }

    /**
     * i386 does not write KERNELOFFSET. Its KASLR moves by multiples of CONFIG_PHYSICAL_ALIGN, at least 2 MiB where
     * KASLR is possible, from CONFIG_PHYSICAL_START. _stext is the image's first byte, or follows the little code that
     * the kernel is entered by; any other _stext tells nothing.
     */
    private static OptionalLong kaslrOf32Bit(long base, long text) {
        long offset = text - base - ImageMapping.LINKED_AT;
        boolean begins = (offset & ALIGNED - 1) < I386_ENTRY_CODE;
        return begins && offset >= 0 ? OptionalLong.of(offset & -ALIGNED) : OptionalLong.empty();
    }

    /**
     * GVA of an i386 image's first byte where VMCOREINFO does not tell it: startup_32 (arch/x86/kernel/head_32.S),
     * which loads a GDT that lies in the image, by its physical address, and then __BOOT_DS into the segment registers.
     * What the boot loader left of the decompressor does the same by addresses relative to its own. Empty when there is
     * not just one such place.
     */
    private static OptionalLong startup(KernelImage image, long base, long lastGpa) {
        byte[] code = new byte[I386_STARTUP];
        OptionalLong found = OptionalLong.empty();
        for (long gva = image.start() + LARGE_PAGE - 1 & -LARGE_PAGE; gva < base + lastGpa; gva += LARGE_PAGE) {
            if (image.read(gva, code, code.length) && isStartup(ByteBuffer.wrap(code).order(ByteOrder.LITTLE_ENDIAN),
                    gva - base, lastGpa)) {
                if (found.isPresent()) {
                    return OptionalLong.empty();
                }
                found = OptionalLong.of(gva);
            }
        }
        return found;
    }

    private static boolean isStartup(ByteBuffer code, long gpa, long lastGpa) {
        boolean loadsTable = false;
        for (int i = 0; i + 9 <= I386_STARTUP; i++) {
            if (i + 7 <= I386_STARTUP && (code.getInt(i) & 0xffffff) == LGDT) {
                long table = code.getInt(i + 3) & 0xffffffffL;
                loadsTable |= table > gpa && table < lastGpa;
            }
            if (loadsTable && code.get(i) == MOV_TO_EAX && code.getInt(i + 1) == BOOT_DS
                    && code.getInt(i + 5) == MOV_TO_DS_AND_ES) {
                return true;
            }
        }
        return false;
    }

    private OptionalLong findBanner(KernelImage image, long readOnly, Optional<Vmcoreinfo> info, Names uts,
            List<Banner> banners) {
        byte[] text = new byte[Banner.MAX_BYTES];
        LongPredicate accept = gva -> {
            int length = (int) Math.min(text.length, image.end() - gva);
            if (image.read(gva, text, length)) {
                Banner.parse(text, length).filter(b -> b.release().equals(uts.release()) && b.isOf(uts.version()))
                        .ifPresent(banners::add);
            }
            return !banners.isEmpty();
        };
        if (known.isPresent()) {
            return seek(image, 0, 0, 0, KnownPlace::banner, accept);
        }
        int word = word("Linu");
        OptionalLong at = image.search(readOnly, readOnly + (64 << 10), 4, word, -1, accept);
        long kallsyms = info.map(KernelCheck::firstOfKallsyms).orElse(0L);
        if (at.isEmpty() && kallsyms != 0) {
            at = image.search(kallsyms - NEAR, kallsyms, 4, word, -1, accept);
        }
        if (at.isEmpty()) {
            at = image.search(readOnly, image.end(), 4, word, -1, accept);
        }
        return at.isEmpty() && readOnly != image.start()
                ? image.search(image.start(), readOnly, 4, word, -1, accept) : at;
    }

    private static long firstOfKallsyms(Vmcoreinfo info) {
        return info.symbols().entrySet().stream().filter(e -> e.getKey().startsWith("kallsyms_"))
                .mapToLong(e -> e.getValue()).min().orElse(0);
    }

    /** VMCOREINFO lists where the names are since 5.11 (ca4a9241cc5e); before, they follow a reference count. */
    private static Optional<Names> utsNamespace(AddressSpace space, long gva, Vmcoreinfo info) {
        Long listed = info.offsets().get("uts_namespace.name");
        if (listed != null) {
            return utsname(space, gva + listed);
        }
        for (int offset = 0; offset <= UTS_NAMES_WITHIN; offset += 4) {
            Optional<Names> names = utsname(space, gva + offset);
            if (names.isPresent()) {
                return names;
            }
        }
        return Optional.empty();
    }

    /** Fields of a struct new_utsname, and the GVA where it is. */
    private record Names(long at, String release, String version, String machine) {
        /** Since 6.1 there is a weak copy whose version lacks the build's number. */
        boolean isNumbered() {
            return version.matches("#\\d.*");
        }
    }

    /** A struct new_utsname, or empty when it is not such. */
    private static Optional<Names> utsname(AddressSpace space, long gva) {
        byte[] bytes = new byte[UTS_SIZE];
        try {
            space.read(gva, bytes, 0, UTS_SIZE);
        } catch (MemoryFault gone) {
            return Optional.empty();
        }
        String[] fields = new String[6];
        for (int i = 0; i < fields.length; i++) {
            int from = i * UTS_FIELD;
            int end = from;
            while (end < from + UTS_FIELD && bytes[end] >= ' ' && bytes[end] <= '~') {
                end++;
            }
            boolean mayBeAnything = i == 1 || i == 5;
            if (!mayBeAnything && (end == from || end == from + UTS_FIELD || bytes[end] != 0)) {
                return Optional.empty();
            }
            fields[i] = new String(bytes, from, end - from, StandardCharsets.US_ASCII);
        }
        return fields[0].equals("Linux") ? Optional.of(new Names(gva, fields[2], fields[3], fields[4]))
                : Optional.empty();
    }

    private static int word(String four) {
        byte[] b = four.getBytes(StandardCharsets.US_ASCII);
        return b[0] | b[1] << 8 | b[2] << 16 | b[3] << 24;
    }

    /** A way from GVAs of an image to GPAs. */
    private record Place(Architecture architecture, long base, long physBase) {
        long gpa(long gva) {
            return gva - base + physBase;
        }
    }

    private static List<Place> places(Vmcoreinfo info, List<ImageMapping> mappings) {
        List<Place> places = new ArrayList<>();
        if (!info.is64Bit()) {
            for (long pageOffset : PAGE_OFFSETS) {
                places.add(new Place(Architecture.I386, pageOffset, 0));
            }
        } else if (info.numbers().containsKey("phys_base")) {
            places.add(new Place(Architecture.X86_64, ImageMapping.BASE, info.numbers().get("phys_base")));
        } else {
            // Before 4.10 (401721ecd1dc) it lists the address of phys_base, not its value.
            mappings.forEach(m -> places.add(new Place(Architecture.X86_64, ImageMapping.BASE, m.physBase())));
        }
        return places;
    }
}
