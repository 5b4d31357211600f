// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.guest.MemoryRange;

class PageBitmapTest {
    @TempDir
    private Path folder;

    private void with(BitSet bits, int pages, int at, Consumer<PageBitmap> test) throws IOException {
        byte[] file = new byte[at + (pages + 7) / 8 + 8];
        byte[] set = bits.toByteArray();
        System.arraycopy(set, 0, file, at, set.length);
        MappedFile image = MappedFile.open(Samples.write(folder, "bits", file));
        try {
            test.accept(new PageBitmap(image, at, pages, "bitmap"));
        } finally {
            image.close();
        }
    }

    private static BitSet bits(int pages, IntPredicate set) {
        BitSet bits = new BitSet();
        for (int i = 0; i < pages; i++) {
            bits.set(i, set.test(i));
        }
        return bits;
    }

    private static List<MemoryRange> runs(BitSet bits, int pages) {
        List<MemoryRange> runs = new ArrayList<>();
        for (int from = bits.nextSetBit(0); from >= 0 && from < pages; ) {
            int to = Math.min(bits.nextClearBit(from), pages);
            runs.add(new MemoryRange(from * 4096L, (to - from) * 4096L));
            from = bits.nextSetBit(to);
        }
        return runs;
    }

    @Test
    void ranksAndRangesAreThoseOfTheBits() throws IOException {
        Random random = new Random(1);
        for (int pages : new int[] {1, 63, 64, 65, 511, 512, 513, 5000, 70_001}) {
            for (double density : new double[] {0, 0.01, 0.5, 0.99, 1}) {
                // Bits beyond the last page are set too, and must not count.
                BitSet bits = bits(pages + 7 & -8, i -> random.nextDouble() < density);
                with(bits, pages, 3, bitmap -> {
                    int rank = 0;
                    for (int page = 0; page < pages; page++) {
                        assertThat(bitmap.rank(page)).isEqualTo(bits.get(page) ? rank : -1);
                        rank += bits.get(page) ? 1 : 0;
                    }
                    assertThat(bitmap.count()).isEqualTo(rank);
                    assertThat(bitmap.rank(pages)).isEqualTo(-1);
                    assertThat(bitmap.rank(-1)).isEqualTo(-1);
                    assertThat(bitmap.ranges()).isEqualTo(runs(bits, pages));
                });
            }
        }
    }

    @Test
    void longRunsCrossTheChunksInWhichTheBitmapIsRead() throws IOException {
        int pages = 3 << 19;
        BitSet bits = bits(pages, i -> i != 700_000 && i > 100 && i < pages - 100);
        with(bits, pages, 0, bitmap -> {
            assertThat(bitmap.ranges()).isEqualTo(runs(bits, pages));
            assertThat(bitmap.rank(pages - 101)).isEqualTo(bitmap.count() - 1);
        });
    }

    @Test
    void veryScatteredPagesAreTakenTogether() throws IOException {
        int pages = 1 << 20;
        BitSet bits = bits(pages, i -> i % 3 == 1);
        with(bits, pages, 0, bitmap -> {
            assertThat(bitmap.ranges().size()).isLessThanOrEqualTo(1 << 16);
            BitSet covered = new BitSet();
            bitmap.ranges().forEach(range -> covered.set((int) (range.gpa() >> 12), (int) (range.end() >> 12)));
            bits.andNot(covered);
            assertThat(bits.isEmpty()).isTrue();
        });
    }
}
