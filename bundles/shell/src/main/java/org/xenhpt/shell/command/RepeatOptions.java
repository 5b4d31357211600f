// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.function.ToIntFunction;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.InterruptedCommand;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** Whether a listing is made once, or again and again as {@code vmstat} does, in one attached session. */
final class RepeatOptions {
    private static final double LONGEST_SECONDS = 86_400;
    /** A guest that is waited for is not asked more often. */
    private static final long LEAST_WAIT_NANOS = TimeUnit.MILLISECONDS.toNanos(200);

    @ArgGroup(exclusive = false)
    private Choice choice = new Choice();

    private static final class Choice {
        @Option(names = "--interval", required = true, paramLabel = "SECONDS",
                description = "List again every so many seconds (such as 0.1; 0: at once), until interrupted. The guest is "
                        + "attached to once; while its kernel is not up, or nothing tells how to read it, it is waited "
                        + "for. Text has a line before each listing; JSON and CSV rows have the keys listing "
                        + "and at; --json writes an array a listing. A listing that takes longer delays the next.")
        private Optional<Double> seconds = Optional.empty();

        @Option(names = "--count", paramLabel = "N",
                description = "End after so many listings, those counted that failed while the guest was waited for.")
        private long count = Long.MAX_VALUE;
    }

    /** Where the time comes from. */
    interface Clock {
        /** As {@link System#nanoTime}. */
        long nanos();

        Instant now();

        void sleep(long nanos) throws InterruptedException;
    }

    private static final Clock CLOCK = new Clock() {
        @Override
        public long nanos() {
            return System.nanoTime();
        }

        @Override
        public Instant now() {
            return Instant.now();
        }

        @Override
        public void sleep(long nanos) throws InterruptedException {
            TimeUnit.NANOSECONDS.sleep(nanos);
        }
    };

    /** One of several listings, or the only one. */
    static final class Listing {
        private final long number;
        private final Instant at;
        private final Clock clock;
        private long took;

        private Listing(long number, Clock clock) {
            this.number = number;
            this.at = clock.now();
            this.clock = clock;
        }

        /** From 1; 0 when it is the only one. */
        long number() {
            return number;
        }

        /** When it began, by this host's clock. */
        Instant at() {
            return at;
        }

        /** Reads the guest, and notes how long that took. */
        <T> T reading(Supplier<T> reading) {
            long begin = clock.nanos();
            T answer = reading.get();
            took = clock.nanos() - begin;
            return answer;
        }
    }

    /** What the listings were like. */
    static final class Summary {
        private long listings;
        private long late;
        private long nanos;
        private long least = Long.MAX_VALUE;
        private long most;

        private void add(Listing listing) {
            listings++;
            nanos += listing.took;
            least = Math.min(least, listing.took);
            most = Math.max(most, listing.took);
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%d listings, %d of them late; reading the guest took %s on average, "
                    + "%s to %s", listings, late, millis(nanos / Math.max(1, listings)), millis(least), millis(most));
        }

        private static String millis(long nanos) {
            return String.format(Locale.ROOT, "%.3f ms", nanos / 1e6);
        }
    }

    /** Whether there is to be more than one listing. */
    boolean isOn() {
        return choice.seconds.isPresent();
    }

    /** Throws when an option's value makes no sense. */
    void check() {
        double seconds = choice.seconds.orElse(0.0);
        if (!(seconds >= 0 && seconds <= LONGEST_SECONDS)) {
            throw new HptException(Step.COMMAND, Reason.USAGE, "--interval", "is not between 0 and 86400 seconds");
        }
        if (choice.count < 1) {
            throw new HptException(Step.COMMAND, Reason.USAGE, "--count", "is less than 1");
        }
    }

    /** What happens after each listing: whether to go on, and what is told at the end. */
    interface Reader {
        /**
         * A listing failed. Throws when there is no point in waiting.
         *
         * @return the exit code, should it have been the last
         */
        default int failed(HptException failure) {
            throw failure;
        }

        /** Whether anybody still reads what was written. */
        boolean there();

        void told(Summary summary);
    }

    /**
     * Makes the listing, or listings.
     *
     * @param listing gives its exit code
     * @return the exit code of all of them: that of gaps if one had any, and that of nothing found if none found anything
     */
    int run(Reader reader, ToIntFunction<Listing> listing) {
        return choice.seconds.isEmpty() ? listing.applyAsInt(new Listing(0, CLOCK))
                : run(choice.seconds.get(), choice.count, CLOCK, reader, listing);
    }

    static int run(double seconds, long count, Clock clock, Reader reader, ToIntFunction<Listing> listing) {
        Summary summary = new Summary();
        long interval = (long) (seconds * 1e9);
        long due = clock.nanos();
        int code = ExitCodes.NOTHING_FOUND;
        for (long number = 1; ; number++) {
            Listing one = new Listing(number, clock);
            boolean isThere = true;
            int result;
            try {
                result = listing.applyAsInt(one);
                summary.add(one);
                code = code == ExitCodes.GAPS || result == ExitCodes.NOTHING_FOUND ? code : result;
            } catch (HptException failure) {
                isThere = false;
                result = reader.failed(failure);
            }
            if (number == count || !reader.there()) {
                reader.told(summary);
                return isThere ? code : result;
            }
            due += interval;
            long left = due - clock.nanos();
            if (left < 0) {
                // What was missed is not made up for: a slow guest would never be left alone.
                summary.late += interval > 0 ? 1 : 0;
                due -= left;
            }
            pause(clock, Math.max(isThere ? 0 : LEAST_WAIT_NANOS, left));
        }
    }

    private static void pause(Clock clock, long nanos) {
        try {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            if (nanos > 0) {
                clock.sleep(nanos);
            }
        } catch (InterruptedException e) {
            throw new InterruptedCommand();
        }
    }
}
