// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;

class DomainMemoryTest {
    private static final int MIB = 1 << 20;
    private static final long SECOND = 1_000_000_000L;

    private final FakeForeignMemory foreign = new FakeForeignMemory();
    private boolean alive = true;
    private long now;
    private final DomainMemory memory = memory(new MemoryRange(0, 0xa0000),
            new MemoryRange(0xc0000, 64 * MIB - 0xc0000), new MemoryRange(4L << 30, 3L << 30));

    private DomainMemory memory(MemoryRange... ranges) {
        return new DomainMemory("xen:web", foreign, List.of(ranges), () -> alive, () -> now);
    }

    private static long word(MemoryWindow window, long gpa) {
        return window.bytes().getLong((int) (gpa - window.gpa()));
    }

    @Test
    void aRunIsMappedByOneCallAndGivenOutWhole() {
        MemoryWindow window = memory.window(0x400000 + 0x5123);
        assertThat(window.gpa()).isEqualTo(0x400000);
        assertThat(window.size()).isEqualTo(2 * MIB);
        assertThat(word(window, 0x405000)).isEqualTo(0x405);
        assertThat(memory.window(0x5ff000)).isSameAs(window);
        assertThat(memory.window((4L << 30) + 0x3000).bytes().getLong(0x3000)).isEqualTo(0x100003);
        assertThat(foreign.calls).containsExactly(512, 512);
    }

    @Test
    void framesOutsideTheRangesAreNotAskedFor() {
        assertThat(memory.window(0xb0000)).isSameAs(MemoryWindow.NONE);
        assertThat(foreign.calls).containsExactly(512 - 32);
        MemoryWindow low = memory.window(0x9f000);
        assertThat(low.gpa()).isZero();
        assertThat(low.size()).isEqualTo(0xa0000);
        MemoryWindow above = memory.window(0xc0000);
        assertThat(above.gpa()).isEqualTo(0xc0000);
        assertThat(word(above, 0xc0000)).isEqualTo(0xc0);
        assertThat(above.gpa() + above.size()).isEqualTo(2 * MIB);
        foreign.calls.clear();
        for (long gpa : new long[] {-1, -4096, Long.MIN_VALUE, Long.MAX_VALUE, 64 * MIB, 7L << 30, 1L << 52}) {
            assertThat(memory.window(gpa)).as("%x", gpa).isSameAs(MemoryWindow.NONE);
        }
        assertThat(memory.machineAddress(64 * MIB)).isZero();
        assertThat(foreign.mapped).hasSize(1);
    }

    @Test
    void windowsHoldNoPageThatCouldNotBeMapped() {
        foreign.errors.put(0x403L, 22);
        foreign.errors.put(0x404L, 22);
        foreign.errors.put(0x5ffL, 2);
        assertThat(memory.window(0x403000)).isSameAs(MemoryWindow.NONE);
        assertThat(memory.window(0x404fff)).isSameAs(MemoryWindow.NONE);
        assertThat(memory.window(0x5ff000)).isSameAs(MemoryWindow.NONE);
        MemoryWindow first = memory.window(0x402000);
        assertThat(first.gpa()).isEqualTo(0x400000);
        assertThat(first.size()).isEqualTo(0x3000);
        MemoryWindow second = memory.window(0x405000);
        assertThat(second.gpa()).isEqualTo(0x405000);
        assertThat(second.gpa() + second.size()).isEqualTo(0x5ff000);
        for (long gpa = second.gpa(); gpa < second.gpa() + second.size(); gpa += 4096) {
            assertThat(word(second, gpa)).isEqualTo(gpa >>> 12);
        }
        assertThat(foreign.calls).hasSize(1);
        assertThat(memory.mappedPages()).isEqualTo(509);
    }

    @Test
    void machineAddressesLeadToTheMappedPages() {
        foreign.errors.put(0x400L, 22);
        foreign.nextAddress = 0x7f00_0000_0000L;
        assertThat(memory.machineAddress(0x402010)).isEqualTo(0x7f00_0000_2010L);
        assertThat(memory.machineAddress(0x400010)).isZero();
    }

    @Test
    void aRunOfNothingIsRememberedAndTriedAgainLater() {
        for (long gfn = 0x400; gfn < 0x600; gfn++) {
            foreign.errors.put(gfn, 22);
        }
        assertThat(memory.window(0x400000)).isSameAs(MemoryWindow.NONE);
        assertThat(memory.window(0x410000)).isSameAs(MemoryWindow.NONE);
        memory.refresh();
        assertThat(memory.window(0x410000)).isSameAs(MemoryWindow.NONE);
        assertThat(foreign.log).containsExactly("map", "unmap");
        foreign.errors.clear();
        now += 2 * SECOND;
        memory.refresh();
        assertThat(word(memory.window(0x410000), 0x410000)).isEqualTo(0x410);
    }

    @Test
    void aCallThatFailsAsAWholeIsTriedInSmallerParts() {
        foreign.mostPages = 128;
        MemoryWindow window = memory.window(0x400000);
        assertThat(window.size()).isEqualTo(128 * 4096);
        assertThat(word(memory.window(0x5ff000), 0x5ff000)).isEqualTo(0x5ff);
        assertThat(memory.machineAddress(0x481000) - memory.machineAddress(0x480000)).isEqualTo(4096);
        assertThat(foreign.mapped).hasSize(4);
        memory.close();
        assertThat(foreign.mapped).isEmpty();
    }

    @Test
    void aRefusalIsNotTriedAgainInParts() {
        foreign.failure = Errno.EPERM;
        assertThat(memory.window(0x400000)).isSameAs(MemoryWindow.NONE);
        assertThat(foreign.calls).hasSize(1);
    }

    @Test
    void mappingsAreGivenBackOnlyBetweenReadingsAndNeverKeptForLong() {
        memory.window(0x400000);
        now += 60 * SECOND;
        assertThat(word(memory.window(0x400000), 0x400000)).isEqualTo(0x400);
        assertThat(foreign.log).containsExactly("map");
        // The balloon took the frame's page and brought another.
        foreign.mark = 7;
        memory.refresh();
        assertThat(word(memory.window(0x400000), 0x400000)).isEqualTo(0x407);
        assertThat(foreign.log).containsExactly("map", "vacate", "map");
        now += SECOND;
        memory.refresh();
        memory.window(0x400000);
        assertThat(foreign.log).hasSize(3);
    }

    @Test
    void whatWasNotUsedForLongestGoesFirst() {
        DomainMemory large = memory(new MemoryRange(0, 4096L * MIB));
        foreign.nextAddress = 1L << 40;
        List<MemoryWindow> windows = new ArrayList<>();
        int kept = DomainMemory.KEPT_MIB / 2;
        for (int run = 0; run < 8; run++) {
            windows.add(large.window(run * 2L * MIB));
        }
        large.refresh();
        // All of these at once are more than is kept: a reading is not disturbed.
        for (int run = 8; run < kept + 4; run++) {
            large.window(run * 2L * MIB);
        }
        large.window(0);
        assertThat(large.mappedPages()).isEqualTo((kept + 4) * 512L);
        assertThat(foreign.log).doesNotContain("vacate");
        large.refresh();
        assertThat(large.mappedPages()).isEqualTo(kept * 512L);
        foreign.calls.clear();
        large.window(0);
        assertThat(foreign.calls).isEmpty();
        assertThat(windows.stream().skip(1).filter(window -> window.bytes().getLong(0) == 0)).hasSize(4);
    }

    @Test
    void closingGivesAllBackBeforeTheHandleAndLateReadersSeeNothing() {
        MemoryWindow window = memory.window(0x400000);
        memory.window(0x200000);
        memory.close();
        memory.close();
        assertThat(foreign.log).containsExactly("map", "map", "vacate", "vacate", "close");
        assertThat(word(window, 0x405000)).isZero();
        assertThat(memory.window(0x400000)).isSameAs(MemoryWindow.NONE);
        assertThat(memory.read(0x400000, new byte[MIB], 0, MIB)).isZero();
    }

    @Test
    void aGuestThatIsDestroyedIsLetGoAndSaidToBeGone() {
        MemoryWindow window = memory.window(0x400000);
        memory.vanish();
        assertThat(foreign.mapped).isEmpty();
        assertThat(word(window, 0x405000)).isZero();
        for (Runnable read : List.<Runnable>of(() -> memory.window(0x400000), memory::refresh,
                () -> memory.read(0, new byte[MIB], 0, MIB), () -> memory.read(0, new byte[8], 0, 8))) {
            assertThatThrownBy(read::run).isInstanceOfSatisfying(HptException.class,
                    e -> assertThat(e.reason()).isEqualTo(Reason.GUEST_GONE));
        }
        memory.close();
    }

    @Test
    void aDomainThatXenDoesNotKnowIsGoneWhenXenstoreDoesNotEither() {
        foreign.allErrors = Errno.ESRCH;
        assertThat(memory.window(0x400000)).isSameAs(MemoryWindow.NONE);
        alive = false;
        assertThatThrownBy(() -> memory.window(0x800000)).isInstanceOfSatisfying(HptException.class,
                e -> assertThat(e.reason()).isEqualTo(Reason.GUEST_GONE));
        assertThat(foreign.mapped).isEmpty();
    }

    @Test
    void longReadsLeaveNothingMapped() {
        byte[] bytes = new byte[9 * MIB];
        assertThat(memory.read(0x300123, bytes, 5, bytes.length - 5)).isEqualTo(bytes.length - 5);
        ByteBuffer words = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int gfn = 0x301; gfn < 0xbff; gfn++) {
            assertThat(words.getLong((gfn << 12) - 0x300123 + 5)).isEqualTo(gfn);
        }
        assertThat(foreign.mapped).isEmpty();
        assertThat(memory.mappedPages()).isZero();
        assertThat(foreign.calls).allMatch(pages -> pages <= 512).hasSize(6);
    }

    @Test
    void longReadsEndAtWhatCannotBeMapped() {
        foreign.errors.put(0x408L, 22);
        byte[] bytes = new byte[MIB];
        assertThat(memory.read(0x400010, bytes, 0, MIB)).isEqualTo(0x8000 - 0x10);
        assertThat(memory.read(0x408000, bytes, 0, MIB)).isZero();
        assertThat(memory.read(0x90000, bytes, 0, MIB)).isEqualTo(0x10000);
        assertThat(memory.read(64 * MIB - 4096, bytes, 0, MIB)).isEqualTo(4096);
        assertThat(memory.read(0xa0000, bytes, 0, MIB)).isZero();
        assertThat(memory.read(-4096, bytes, 0, MIB)).isZero();
        assertThat(foreign.mapped).isEmpty();
        memory.window(0x400000);
        assertThat(memory.read(0x400010, bytes, 0, MIB)).isEqualTo(0x8000 - 0x10);
        foreign.mostPages = 64;
        assertThat(memory.read(0x800000, bytes, 0, MIB)).isEqualTo(MIB);
    }

    @Test
    void aSearchThroughHolesCostsAFewCallsARun() {
        for (long gfn = 0x400; gfn < 0x600; gfn += 2) {
            foreign.errors.put(gfn, 22);
        }
        for (long gfn = 0x600; gfn < 0x800; gfn++) {
            foreign.errors.put(gfn, 22);
        }
        byte[] bytes = new byte[MIB];
        List<Long> found = new ArrayList<>();
        for (long gpa = 0x400000; gpa < 0x800000; gpa += 4096) {
            if (memory.read(gpa, bytes, 0, MIB) > 0) {
                assertThat(ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong()).isEqualTo(gpa >>> 12);
                found.add(gpa >>> 12);
            }
            assertThat(memory.mappedPages()).isLessThanOrEqualTo(512);
        }
        assertThat(found).hasSize(256).allMatch(gfn -> gfn % 2 == 1);
        assertThat(foreign.calls).hasSizeLessThanOrEqualTo(4);
        memory.refresh();
        assertThat(foreign.mapped).isEmpty();
    }

    @Test
    void whatASearchLeftMappedIsGivenBackToo() {
        foreign.errors.put(0x408L, 22);
        memory.read(0x400000, new byte[MIB], 0, MIB);
        assertThat(foreign.mapped).hasSize(1);
        assertThat(memory.mappedPages()).isEqualTo(511);
        memory.vanish();
        assertThat(foreign.mapped).isEmpty();
    }

    @Test
    void aRefusalIsToldFromAHole() {
        foreign.allErrors = Errno.EPERM;
        assertThatThrownBy(memory::probe).isInstanceOfSatisfying(HptException.class, e -> {
            assertThat(e.reason()).isEqualTo(Reason.ACCESS_DENIED);
            assertThat(e).hasMessageContaining("XSM");
        });
        foreign.allErrors = 22;
        assertThatThrownBy(memory(new MemoryRange(0, MIB))::probe).isInstanceOfSatisfying(HptException.class,
                e -> assertThat(e.reason()).isEqualTo(Reason.UNREADABLE_GUEST));
        foreign.allErrors = 0;
        memory(new MemoryRange(0, MIB)).probe();
    }
}
