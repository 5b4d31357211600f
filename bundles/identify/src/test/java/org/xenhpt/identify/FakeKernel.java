// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.identify.kallsyms.KallsymsBlob.Symbol;
import org.xenhpt.testkit.FakeMemory;
import org.xenhpt.testkit.FakePageTables;

/** Puts an image of 8 MiB, which says to be a Linux kernel, and its page tables into memory. */
public final class FakeKernel {
    public static final String RELEASE = "6.1.0-9-test";
    public static final String VERSION = "#1 SMP Fake 6.1.9 (2026-01-01)";
    public static final String BANNER = "Linux version " + RELEASE + " (me@here) (cc 1.0) " + VERSION;
    public static final String BUILD_ID = "00112233445566778899aabbccddeeff00112233";
    static final long MIB = 1 << 20;
    /** Where things are in the image. */
    static final long READ_ONLY = 2 * MIB;
    static final long BANNER_AT = READ_ONLY + 0x4000;
    static final long DATA = 4 * MIB;
    static final long UTS_AT = DATA + 0x140;
    static final long TABLES_AT = 6 * MIB;
    static final long OLD_VMCOREINFO_AT = 7 * MIB + 0x60;
    static final long SIZE = 8 * MIB;

    final FakeMemory memory;
    final PagingMode mode;
    /** GPA of the image. */
    final long gpa;
    final long kaslr;
    /** GVA of the image. */
    final long gva;
    final FakePageTables tables;
    String release = RELEASE;
    String version = VERSION;

    /**
     * @param gpa   where the image is put in physical memory, a multiple of 2 MiB; i386: of 4 MiB, and KASLR follows
     *              from it
     * @param kaslr x86-64: how far it is moved in virtual memory, a multiple of 2 MiB
     */
    public FakeKernel(FakeMemory memory, PagingMode mode, long gpa, long kaslr) {
        this.memory = memory;
        this.mode = mode;
        this.gpa = gpa;
        boolean wide = mode.pointerSize() == 8;
        this.kaslr = wide ? kaslr : gpa - 0x1000000;
        this.gva = wide ? 0xffffffff81000000L + kaslr : 0xc0000000L + gpa;
        this.tables = new FakePageTables(memory, mode, gpa + TABLES_AT);
        long ram = memory.ranges().get(0).end();
        switch (mode) {
            case LEVEL_4 -> tables.map(gva, gpa, SIZE, 2 * MIB).map(0xffff888040000000L, 0, ram, 2 * MIB);
            case LEVEL_5 -> tables.map(gva, gpa, SIZE, 2 * MIB).map(0xff11000080000000L, 0, ram, 2 * MIB);
            case PAE -> tables.map(0xc0000000L, 0, ram, 2 * MIB);
            case X86_32 -> tables.map(0xc0000000L, 0, ram, 4 * MIB);
        }
    }

    /** The names, the weak copies of them that 6.1 and later have, and the banner. */
    FakeKernel named(String newRelease, String newVersion) {
        release = newRelease;
        version = newVersion;
        String weak = "# " + version.substring(version.indexOf(' ') + 1);
        String begin = "Linux version " + release + " (me@here) (cc 1.0) ";
        memory.putString(gpa + READ_ONLY + 0x100, begin + weak + "\n");
        memory.putString(gpa + BANNER_AT, begin + version + "\n");
        uts(gpa + DATA, weak);
        uts(gpa + UTS_AT + 0x200, version);
        // The place that VMCOREINFO names.
        uts(gpa + UTS_AT, version);
        return this;
    }

    public FakeKernel named() {
        return named(RELEASE, VERSION);
    }

    private void uts(long at, String itsVersion) {
        String machine = mode.pointerSize() == 8 ? "x86_64" : "i686";
        String[] fields = {"Linux", "(none)", release, itsVersion, machine, "(none)"};
        for (int i = 0; i < fields.length; i++) {
            memory.putString(at + i * 65L, fields[i]);
        }
    }

    /** Marks what follows the text as not executable, as a kernel does when it has booted. */
    FakeKernel protectedText() {
        return protect(gva + READ_ONLY, 3);
    }

    /** Marks entries of 2 MiB, from a GVA on, as not executable. */
    FakeKernel protect(long from, int entries) {
        Ram ram = new Ram(memory);
        ImageMapping mapping = (mode == PagingMode.LEVEL_5 ? ImageMapping.ofLevel5(ram, tables.root())
                : ImageMapping.ofLevel4(ram, tables.root())).orElseThrow();
        long first = from - ImageMapping.BASE >> 21;
        for (long entry = first; entry < first + entries; entry++) {
            long at = mapping.directory() + entry * 8;
            memory.putLong(at, memory.getLong(at) | 1L << 63);
        }
        return this;
    }

    Map<String, String> vmcoreinfoLines() {
        Map<String, String> lines = new LinkedHashMap<>();
        boolean wide = mode.pointerSize() == 8;
        lines.put("OSRELEASE", release);
        lines.put("BUILD-ID", BUILD_ID);
        lines.put("PAGESIZE", "4096");
        lines.put("SYMBOL(init_uts_ns)", hex(gva + UTS_AT));
        lines.put("OFFSET(uts_namespace.name)", "0");
        lines.put("SYMBOL(swapper_pg_dir)", hex(wide ? tables.root() - gpa + gva : 0xc0000000L + tables.root()));
        lines.put("SYMBOL(_stext)", hex(gva));
        if (wide) {
            lines.put("NUMBER(phys_base)", Long.toString(physBase()));
            lines.put("NUMBER(pgtable_l5_enabled)", mode == PagingMode.LEVEL_5 ? "1" : "0");
            lines.put("KERNELOFFSET", hex(kaslr));
        } else if (mode == PagingMode.PAE) {
            lines.put("CONFIG_X86_PAE", "y");
        }
        return lines;
    }

    public long physBase() {
        return mode.pointerSize() == 8 ? gpa - (gva - ImageMapping.BASE) : 0;
    }

    public FakeKernel vmcoreinfoAt(long at) {
        return vmcoreinfoAt(at, vmcoreinfoLines());
    }

    FakeKernel vmcoreinfoAt(long at, Map<String, String> lines) {
        memory.putString(at, text(lines));
        return this;
    }

    static String text(Map<String, String> lines) {
        StringBuilder text = new StringBuilder();
        lines.forEach((key, value) -> text.append(key).append('=').append(value).append('\n'));
        return text.toString();
    }

    /** Writes bytes at a place in the image, and gives their GVA. */
    public long put(long place, byte[] bytes) {
        memory.putBytes(gpa + place, bytes);
        return gva + place;
    }

    long gvaOf(long place) {
        return gva + place;
    }

    /** Enough symbols for kallsyms: some that are looked for, and many that are not. */
    public List<Symbol> symbols(Map<String, Long> more) {
        List<Symbol> symbols = new ArrayList<>();
        symbols.add(new Symbol("_text", 'T', gva));
        symbols.add(new Symbol("_stext", 'T', gva));
        symbols.add(new Symbol("init_uts_ns", 'D', gva + UTS_AT));
        symbols.add(new Symbol("linux_banner", 'R', gva + BANNER_AT));
        for (int i = 0; i < 5000; i++) {
            symbols.add(new Symbol("symbol_" + Integer.toString(i * 7919, 36) + "_of_tables", i % 3 == 0 ? 't' : 'T',
                    gva + 0x100 + i * 64L));
        }
        more.forEach((name, address) -> symbols.add(new Symbol(name, 'D', address)));
        return symbols;
    }

    private static String hex(long value) {
        return Long.toHexString(value);
    }
}
