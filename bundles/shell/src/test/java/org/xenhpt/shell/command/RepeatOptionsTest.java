// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.Test;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.InterruptedCommand;

class RepeatOptionsTest {
    private static final long MILLI = 1_000_000;

    private final List<Long> begun = new ArrayList<>();
    private long now;
    private long readers = Long.MAX_VALUE;
    private String told = "";

    private final RepeatOptions.Clock clock = new RepeatOptions.Clock() {
        @Override
        public long nanos() {
            return now;
        }

        @Override
        public Instant now() {
            return Instant.ofEpochSecond(0, now);
        }

        @Override
        public void sleep(long nanos) throws InterruptedException {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            now += nanos;
        }
    };

    private int run(double seconds, long count, ToIntFunction<RepeatOptions.Listing> listing) {
        return RepeatOptions.run(seconds, count, clock, new RepeatOptions.Reader() {
            @Override
            public boolean there() {
                return --readers > 0;
            }

            @Override
            public void told(RepeatOptions.Summary summary) {
                told = summary.toString();
            }
        }, one -> {
            begun.add(now / MILLI);
            return listing.applyAsInt(one);
        });
    }

    private int taking(RepeatOptions.Listing listing, long millis) {
        return listing.reading(() -> {
            now += millis * MILLI;
            return ExitCodes.OK;
        });
    }

    @Test
    void listingsBeginAtTheInterval() {
        assertThat(run(0.1, 4, listing -> taking(listing, listing.number() * 10))).isZero();
        assertThat(begun).containsExactly(0L, 100L, 200L, 300L);
        assertThat(told).isEqualTo("4 listings, 0 of them late; reading the guest took 25.000 ms on average, 10.000 ms to "
                + "40.000 ms");
    }

    @Test
    void whatIsMissedIsNotMadeUpFor() {
        run(0.1, 4, listing -> taking(listing, listing.number() == 1 ? 350 : 10));
        assertThat(begun).containsExactly(0L, 350L, 450L, 550L);
        assertThat(told).contains("1 of them late");
    }

    @Test
    void withoutAPauseNothingIsLate() {
        run(0, 3, listing -> taking(listing, 7));
        assertThat(begun).containsExactly(0L, 7L, 14L);
        assertThat(told).contains("3 listings, 0 of them late");
    }

    @Test
    void itEndsWhenNobodyReads() {
        readers = 3;
        assertThat(run(1, Long.MAX_VALUE, listing -> ExitCodes.OK)).isZero();
        assertThat(begun).hasSize(3);
    }

    @Test
    void gapsOfOneListingAreGapsOfAll() {
        assertThat(run(1, 3, listing -> listing.number() == 2 ? ExitCodes.GAPS : ExitCodes.OK)).isEqualTo(ExitCodes.GAPS);
        assertThat(run(1, 3, listing -> listing.number() == 2 ? ExitCodes.OK : ExitCodes.NOTHING_FOUND)).isZero();
        assertThat(run(1, 3, listing -> ExitCodes.NOTHING_FOUND)).isEqualTo(ExitCodes.NOTHING_FOUND);
    }

    @Test
    void anInterruptEndsIt() {
        assertThatThrownBy(() -> run(0, Long.MAX_VALUE, listing -> {
            if (listing.number() == 5) {
                Thread.currentThread().interrupt();
            }
            return ExitCodes.OK;
        })).isInstanceOf(InterruptedCommand.class);
        assertThat(begun).hasSize(5);
        assertThat(Thread.interrupted()).isFalse();
    }
}
