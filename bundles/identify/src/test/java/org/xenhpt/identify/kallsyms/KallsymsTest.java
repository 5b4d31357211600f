// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.kallsyms;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.identify.FakeKernel;
import org.xenhpt.identify.KernelImage;
import org.xenhpt.identify.kallsyms.AddressTable.Encoding;
import org.xenhpt.identify.kallsyms.KallsymsBlob.Order;
import org.xenhpt.identify.kallsyms.KallsymsBlob.Symbol;
import org.xenhpt.testkit.FakeMemory;
import org.xenhpt.translation.X86Translator;

class KallsymsTest {
    private static final long TABLES = 0x210000;
    private static final String LONG_NAME = "_RNv" + "0123456789".repeat(25);

    private final FakeMemory memory = new FakeMemory(32 << 20);

    private FakeKernel kernel;
    private KernelImage image;

    private void boot(PagingMode mode) {
        kernel = new FakeKernel(memory, mode, 0x1400000, 0x7200000).named();
        AddressSpace space = new X86Translator().open(memory, mode, 0x1400000 + (6 << 20));
        image = new KernelImage(memory, space, gva(0), gva(8 << 20));
    }

    private long gva(long place) {
        return kernel.put(place, new byte[0]);
    }

    private Map<String, Long> known() {
        return new HashMap<>(Map.of("_stext", gva(0), "linux_banner", gva(0x204000)));
    }

    /** Symbols for a kernel of this pointer size: on x86-64 with some per-CPU ones, linked at 0. */
    private List<Symbol> symbols(Encoding encoding) {
        Map<String, Long> more = new HashMap<>();
        more.put("init_task", gva(0x401000));
        more.put("tasklist_of_tables", gva(0x401008));
        List<Symbol> symbols = kernel.symbols(more);
        if (encoding == Encoding.ABSOLUTE_PERCPU) {
            symbols.add(new Symbol("current_task", 'A', 0x1fb80));
            symbols.add(new Symbol("fixed_percpu_data", 'A', 0));
        }
        // Two static functions of one name, and a global one of another's.
        symbols.add(new Symbol("same", 't', gva(0x60000)));
        symbols.add(new Symbol("same", 't', gva(0x70000)));
        symbols.add(new Symbol("twice", 't', gva(0x80000)));
        symbols.add(new Symbol("twice", 'T', gva(0x90000)));
        return symbols;
    }

    static Stream<Arguments> layouts() {
        List<Arguments> layouts = new ArrayList<>();
        for (PagingMode mode : List.of(PagingMode.LEVEL_4, PagingMode.PAE)) {
            for (Order order : Order.values()) {
                for (Encoding encoding : Encoding.values()) {
                    if (encoding == Encoding.ABSOLUTE_PERCPU && mode.pointerSize() == 4) {
                        continue;
                    }
                    for (int align = 4; align <= mode.pointerSize(); align += 4) {
                        layouts.add(Arguments.of(mode, order, encoding, align, 4));
                    }
                    if (mode == PagingMode.LEVEL_4 && order == Order.ADDRESSES_FIRST) {
                        layouts.add(Arguments.of(mode, order, encoding, 8, 8));
                    }
                }
            }
        }
        return layouts.stream();
    }

    @ParameterizedTest
    @MethodSource("layouts")
    void readsEveryOrderAndEncoding(PagingMode mode, Order order, Encoding encoding, int align, int markerWidth) {
        boot(mode);
        List<Symbol> symbols = symbols(encoding);
        if (markerWidth == 4) {
            symbols.add(new Symbol(LONG_NAME, 't', gva(0x5000)));
        }
        KallsymsBlob blob = KallsymsBlob.of(symbols, order, encoding, gva(TABLES), mode.pointerSize(), align,
                markerWidth);
        kernel.put(TABLES, blob.bytes());

        check(Kallsyms.find(image, known(), new ArrayList<>()), symbols, encoding);
        Map<String, Long> listed = known();
        listed.putAll(blob.labels());
        Optional<Kallsyms> byLabels = Kallsyms.find(image, listed, new ArrayList<>());
        check(byLabels, symbols, encoding);
        assertThat(byLabels.get().how()).startsWith("listed in VMCOREINFO");
    }

    private KallsymsBlob modern(List<Symbol> symbols, Encoding encoding) {
        return KallsymsBlob.of(symbols, Order.ADDRESSES_LAST, encoding, gva(TABLES), 8, 8, 4);
    }

    private void check(Optional<Kallsyms> found, List<Symbol> symbols, Encoding encoding) {
        assertThat(found).isPresent();
        Kallsyms kallsyms = found.get();
        assertThat(kallsyms.size()).isEqualTo(symbols.size());
        assertThat(kallsyms.how()).contains(encoding.label());
        Map<String, Long> expected = new HashMap<>();
        symbols.forEach(symbol -> expected.putIfAbsent(symbol.name(), symbol.address()));
        expected.put("twice", gva(0x90000));
        List<String> wanted = new ArrayList<>(expected.keySet());
        wanted.add("no_such_symbol");
        assertThat(kallsyms.lookUp(wanted)).isEqualTo(expected);
        assertThat(kallsyms.lookUp(List.of("*"))).isEqualTo(expected);
    }

    @Test
    void prefersTheCopyInTheImageToADamagedOneInMemory() {
        boot(PagingMode.LEVEL_4);
        List<Symbol> symbols = symbols(Encoding.ABSOLUTE_PERCPU);
        KallsymsBlob blob = modern(symbols, Encoding.ABSOLUTE_PERCPU);
        byte[] damaged = blob.bytes().clone();
        damaged[5000] ^= 0x55;
        memory.putBytes(0x200000, damaged);
        kernel.put(TABLES, blob.bytes());
        check(Kallsyms.find(image, known(), new ArrayList<>()), symbols, Encoding.ABSOLUTE_PERCPU);
    }

    @Test
    void believesNoTableWhoseKnownSymbolsAreElsewhere() {
        boot(PagingMode.LEVEL_4);
        KallsymsBlob blob = modern(symbols(Encoding.BASE_RELATIVE), Encoding.BASE_RELATIVE);
        kernel.put(TABLES, blob.bytes());
        Map<String, Long> known = known();
        known.replaceAll((name, gva) -> gva + 0x200000);
        List<String> tried = new ArrayList<>();
        assertThat(Kallsyms.find(image, known, tried)).isEmpty();
        assertThat(tried).anyMatch(t -> t.contains("known symbols are in their place"));
    }

    @Test
    void findsItByItsTokensWhereVmcoreinfoLies() {
        boot(PagingMode.LEVEL_4);
        List<Symbol> symbols = symbols(Encoding.BASE_RELATIVE);
        KallsymsBlob blob = modern(symbols, Encoding.BASE_RELATIVE);
        kernel.put(TABLES, blob.bytes());
        for (long lie : new long[] {-1, gva(0x100)}) {
            for (String label : blob.labels().keySet()) {
                Map<String, Long> listed = known();
                listed.putAll(blob.labels());
                listed.put(label, lie);
                Optional<Kallsyms> found = Kallsyms.find(image, listed, new ArrayList<>());
                check(found, symbols, Encoding.BASE_RELATIVE);
            }
        }
    }

    @Test
    void givesUpOnLyingCountsAndLengths() {
        boot(PagingMode.LEVEL_4);
        KallsymsBlob blob = modern(symbols(Encoding.BASE_RELATIVE), Encoding.BASE_RELATIVE);
        Map<String, Long> listed = known();
        listed.putAll(blob.labels());
        int number = (int) (blob.labels().get("kallsyms_num_syms") - gva(TABLES));
        int names = (int) (blob.labels().get("kallsyms_names") - gva(TABLES));
        for (int count : new int[] {0, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, 3_999_999}) {
            byte[] bytes = blob.bytes().clone();
            for (int i = 0; i < 4; i++) {
                bytes[number + i] = (byte) (count >>> 8 * i);
            }
            assertNothingFound(bytes, listed);
        }
        byte[] zero = blob.bytes().clone();
        zero[names] = 0;
        assertNothingFound(zero, listed);
        byte[] endless = blob.bytes().clone();
        java.util.Arrays.fill(endless, names, names + 60000, (byte) 0xff);
        assertNothingFound(endless, listed);
    }

    private void assertNothingFound(byte[] bytes, Map<String, Long> listed) {
        kernel.put(TABLES, bytes);
        assertTimeoutPreemptively(Duration.ofSeconds(120), () ->
                assertThat(Kallsyms.find(image, listed, new ArrayList<>())).isEmpty());
    }

    @Test
    void isNotKeptBusyByAnImageOfRandomBytesAndMarkers() {
        boot(PagingMode.LEVEL_4);
        Random random = new Random(42);
        byte[] bytes = new byte[2 << 20];
        random.nextBytes(bytes);
        KallsymsBlob blob = modern(symbols(Encoding.BASE_RELATIVE), Encoding.BASE_RELATIVE);
        // Nothing but arrays of markers, and after them the tokens that make them be looked at.
        for (int at = 0; at < 1 << 20; at += 4) {
            int marker = at / 4 % 20 * 1000;
            for (int i = 0; i < 4; i++) {
                bytes[at + i] = (byte) (marker >>> 8 * i);
            }
        }
        int tokens = (int) (blob.labels().get("kallsyms_token_table") - gva(TABLES));
        System.arraycopy(blob.bytes(), tokens, bytes, 1 << 20, 4000);
        kernel.put(TABLES, bytes);
        assertTimeoutPreemptively(Duration.ofSeconds(120), () ->
                assertThat(Kallsyms.find(image, known(), new ArrayList<>())).isEmpty());
    }
}
