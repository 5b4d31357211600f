// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.btf;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.xenhpt.identify.KernelImage;
import org.xenhpt.identify.Span;

/**
 * Finds a kernel's own BTF in its image: between {@code __start_BTF} and {@code __stop_BTF} ({@code
 * _binary__btf_vmlinux_bin_start} and {@code _end} in the first kernels that had it), else by its magic number.
 *
 * <p>It is read through the kernel's page tables. The boot loader's and the decompressor's left-overs of the same
 * section, partly overwritten, lie elsewhere in memory and are not met; modules' BTF, which continues the kernel's, is
 * not in the image.
 */
public final class BtfFinder {
    private static final String[][] SYMBOLS = {
        {"__start_BTF", "__stop_BTF"},
        {"_binary__btf_vmlinux_bin_start", "_binary__btf_vmlinux_bin_end"},
    };
    /** Fewer types than any kernel has. Module BTF, which an initial RAM disk may hold, has fewer. */
    private static final int MIN_TYPES = 1000;
    private static final int MAX_COPIES = 16;

    /** BTF, and the bytes that it was read from. */
    public record Found(Btf btf, Span span) {
    }

    private BtfFinder() {
    }

    /** The symbols that say where BTF is. */
    public static List<String> symbols() {
        List<String> names = new ArrayList<>();
        for (String[] pair : SYMBOLS) {
            names.addAll(List.of(pair));
        }
        return names;
    }

    /**
     * @param symbols GVAs of those of {@link #symbols()} that are known
     * @param tried   gets what was found and rejected
     */
    public static Optional<Found> find(KernelImage image, Map<String, Long> symbols, Collection<String> tried) {
        for (String[] pair : SYMBOLS) {
            Long start = symbols.get(pair[0]);
            Long stop = symbols.get(pair[1]);
            if (start != null && stop != null) {
                Optional<Found> btf = open(image, start, stop - start, tried);
                if (btf.isPresent()) {
                    return btf;
                }
            }
        }
        List<Found> found = new ArrayList<>();
        int[] copies = {0};
        // The section is not aligned (it is in 7.2): the bytes may begin anywhere.
        for (int shift = 0; shift < 4 && found.isEmpty(); shift++) {
            int skew = shift;
            int word = Btf.MAGIC | 1 << 16;
            image.search(image.start(), image.end(), 4, skew == 0 ? word : word << 8 * skew,
                    skew == 0 ? 0x00ffffff : 0x00ffffff << 8 * skew, gva -> {
                        if (++copies[0] <= MAX_COPIES) {
                            open(image, gva + skew, Btf.MAX_BYTES, new ArrayList<>())
                                    .filter(here -> here.btf().count() >= MIN_TYPES).ifPresent(found::add);
                        }
                        return !found.isEmpty() || copies[0] > MAX_COPIES;
                    });
        }
        return found.stream().findFirst();
    }

    private static Optional<Found> open(KernelImage image, long start, long room, Collection<String> tried) {
        byte[] header = new byte[Btf.HEADER];
        if (!image.read(start, header, header.length)) {
            return Optional.empty();
        }
        long length = Btf.lengthOf(ByteBuffer.wrap(header).order(ByteOrder.LITTLE_ENDIAN));
        String where = "BTF at GVA 0x" + Long.toHexString(start) + ": ";
        if (length < 0 || length > room || !image.contains(start, length)) {
            tried.add(where + "its header is damaged");
            return Optional.empty();
        }
        byte[] blob = new byte[(int) length];
        if (!image.read(start, blob, blob.length)) {
            tried.add(where + "part of it is not mapped");
            return Optional.empty();
        }
        try {
            return Optional.of(new Found(Btf.open(blob), new Span(start, length)));
        } catch (BtfException damaged) {
            tried.add(where + damaged.getMessage());
            return Optional.empty();
        }
    }
}
