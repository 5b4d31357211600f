// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a guest's kernel was, and what its clock said then. A reboot leaves the old kernel in RAM, whole and with all that
 * it is known by; only its clock stands still. So of a running guest the place is believed as long as its clock kept pace
 * with the host's, of an image as long as it says the same.
 *
 * @param place   in the identifier's words
 * @param seconds the kernel's real time, in seconds since 1970; empty where it cannot be read
 * @param millis  the host's, in milliseconds since 1970
 */
record LastPlace(String place, OptionalLong seconds, long millis) {
    private static final Pattern TEXT = Pattern.compile("(.{1,300})\n(\\d{1,12}|-) (\\d{1,15})\n?");
    /**
     * A clock of whole seconds seems late by up to one, and that of an idle kernel is late by up to one. Whoever is later
     * may have stopped, and what is searched for all over again is not silently wrong.
     */
    private static final long LATE_MILLIS = 2_000;
    private static final long EARLY_MILLIS = 3_000;

    static Optional<LastPlace> parse(String text) {
        Matcher matcher = TEXT.matcher(text);
        if (!matcher.matches()) {
            return Optional.empty();
        }
        return Optional.of(new LastPlace(matcher.group(1), matcher.group(2).equals("-") ? OptionalLong.empty()
                : OptionalLong.of(Long.parseLong(matcher.group(2))), Long.parseLong(matcher.group(3))));
    }

    /** What {@link #parse} reads. */
    String text() {
        return place + "\n" + (seconds.isPresent() ? seconds.getAsLong() : "-") + " " + millis + "\n";
    }

    /** Whether a kernel at that place whose clock now says so is one that runs. */
    boolean isStillThere(LastPlace now, boolean live) {
        if (!live) {
            return seconds.equals(now.seconds);
        }
        if (seconds.isEmpty() || now.seconds.isEmpty()) {
            return false;
        }
        long later = now.lag() - lag();
        return later <= LATE_MILLIS && later >= -EARLY_MILLIS;
    }

    /** Whether this tells more exactly than another by how much the guest's clock lags behind the host's. */
    boolean isSharperThan(LastPlace other) {
        return seconds.isPresent() && other.seconds.isPresent() && lag() < other.lag();
    }

    private long lag() {
        return millis - seconds.getAsLong() * 1000;
    }
}
