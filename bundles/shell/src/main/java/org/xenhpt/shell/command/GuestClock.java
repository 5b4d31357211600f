// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import java.util.Optional;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.Task;
import org.xenhpt.shell.table.Cell;

/**
 * Tells when tasks started, by the guest's own clock and in UTC: the guest's time zone is known to its programs only.
 * "Today" is the day on which the guest's newest task started, as an image does not tell when it was taken.
 */
final class GuestClock {
    private static final long SECOND = 1_000_000_000L;
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm", Locale.ROOT);
    private static final DateTimeFormatter DAY = DateTimeFormatter.ofPattern("MMMdd", Locale.ROOT);

    private final long bootEpochNanos;
    private final Optional<ZonedDateTime> newest;

    GuestClock(ProcessTable table) {
        bootEpochNanos = table.bootEpochNanos();
        newest = start(table.tasks().stream().mapToLong(Task::startNanos).max().orElse(0));
    }

    private Optional<ZonedDateTime> start(long startNanos) {
        if (bootEpochNanos == Task.UNKNOWN || startNanos == Task.UNKNOWN) {
            return Optional.empty();
        }
        // Split before adding: both are a guest's numbers, and their sum may not fit.
        long seconds = Math.floorDiv(bootEpochNanos, SECOND) + Math.floorDiv(startNanos, SECOND);
        long nanos = Math.floorMod(bootEpochNanos, SECOND) + Math.floorMod(startNanos, SECOND);
        return Optional.of(Instant.ofEpochSecond(seconds, nanos).atZone(ZoneOffset.UTC));
    }

    /** As ps: HH:MM today, MonDD this year, else the year. Seconds since boot when the guest's clock is not known. */
    String shortStart(Task task) {
        if (task.startNanos() == Task.UNKNOWN) {
            return "?";
        }
        Optional<ZonedDateTime> start = start(task.startNanos());
        if (start.isEmpty() || newest.isEmpty()) {
            return String.format(Locale.ROOT, "+%.2fs", task.startNanos() / (double) SECOND);
        }
        ZonedDateTime then = start.get();
        return then.toLocalDate().equals(newest.get().toLocalDate()) ? TIME.format(then)
                : then.getYear() == newest.get().getYear() ? DAY.format(then) : Integer.toString(then.getYear());
    }

    /** ISO 8601 in UTC, to the millisecond. */
    Cell isoStart(Task task) {
        return start(task.startNanos()).map(start -> Cell.text(DateTimeFormatter.ISO_INSTANT.format(
                start.toInstant().truncatedTo(ChronoUnit.MILLIS)))).orElse(Cell.UNKNOWN);
    }

    /** As ps: [DD-]HH:MM:SS. */
    static String cpuTime(long nanos) {
        if (nanos == Task.UNKNOWN) {
            return "?";
        }
        long seconds = Long.divideUnsigned(nanos, SECOND);
        long days = seconds / 86_400;
        return (days > 0 ? days + "-" : "") + String.format(Locale.ROOT, "%02d:%02d:%02d", seconds / 3600 % 24,
                seconds / 60 % 60, seconds % 60);
    }
}
