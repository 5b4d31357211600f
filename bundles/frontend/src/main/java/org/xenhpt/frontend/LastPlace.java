// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Properties;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.translation.AddressSpace;

/**
 * Where a guest's kernel was, what its clock said then, and by what it was read. A reboot leaves the old kernel in RAM,
 * whole and with all that it is known by; only its clock stands still. So of a running guest the place is believed as long
 * as its clock kept pace with the host's, of an image as long as it says the same. What was learnt of a boot holds as long
 * as that boot lasts.
 *
 * @param stamp  of the guest ({@link Guest#stamp})
 * @param place  in the identifier's words
 * @param mark   of the boot
 * @param millis the host's clock, in milliseconds since 1970
 * @param build  of the kernel
 * @param proof  of what was learnt and borne out, and it is read by ({@link org.xenhpt.api.profile.Origin#proof}); empty
 *               if there is none
 */
record LastPlace(String stamp, String place, BootMark mark, long millis, KernelMatch build, String proof) {
    /**
     * A clock of whole seconds seems late by up to one, and that of an idle kernel is late by up to one. Whoever is later
     * may have stopped, and what is searched for all over again is not silently wrong.
     */
    private static final long LATE_MILLIS = 2_000;
    private static final long EARLY_MILLIS = 3_000;
    /** Less is not worth writing a file. */
    private static final long SHARPER_MILLIS = 100;

    /** Of a kernel that is read now. The address space must have been refreshed. */
    static LastPlace of(Guest guest, String place, Kernel kernel, AddressSpace space, long millis, String proof) {
        return new LastPlace(guest.stamp(), place, BootMark.read(kernel, space), millis,
                KernelMatch.of(kernel.identity()), proof);
    }

    static Optional<LastPlace> parse(String text) {
        Properties all = new Properties();
        try {
            all.load(new StringReader(text));
            KernelMatch build = new KernelMatch(Architecture.valueOf(word(all, "architecture")), word(all, "release"),
                    word(all, "banner"), word(all, "build-id"));
            BootMark mark = new BootMark(true, number(all, "first"), number(all, "started").orElse(0),
                    number(all, "seconds"));
            return Optional.of(new LastPlace(word(all, "stamp"), word(all, "place"), mark,
                    number(all, "millis").orElseThrow(), build, word(all, "proof")));
        } catch (IOException | RuntimeException notOurs) {
            // A damaged one, or one of another version: the kernel is searched for.
            return Optional.empty();
        }
    }

    private static String word(Properties all, String key) {
        return Optional.ofNullable(all.getProperty(key)).orElseThrow();
    }

    private static OptionalLong number(Properties all, String key) {
        String word = all.getProperty(key);
        return word == null ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(word));
    }

    /** What {@link #parse} reads. */
    String text() {
        Properties all = new Properties();
        all.setProperty("stamp", stamp);
        all.setProperty("place", place);
        all.setProperty("millis", Long.toString(millis));
        mark.seconds().ifPresent(seconds -> all.setProperty("seconds", Long.toString(seconds)));
        mark.first().ifPresent(first -> all.setProperty("first", Long.toString(first)));
        all.setProperty("started", Long.toString(mark.started()));
        all.setProperty("architecture", build.architecture().name());
        all.setProperty("release", build.release());
        all.setProperty("banner", build.banner());
        all.setProperty("build-id", build.buildId());
        all.setProperty("proof", proof);
        StringWriter text = new StringWriter();
        try {
            all.store(text, null);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.toString();
    }

    /** Whether a kernel at that place whose clock now says so is one that runs. */
    boolean isStillThere(LastPlace now, boolean live) {
        OptionalLong then = mark.seconds();
        if (!live) {
            return then.equals(now.mark.seconds());
        }
        if (then.isEmpty() || now.mark.seconds().isEmpty()) {
            return false;
        }
        long later = now.lag() - lag();
        return later <= LATE_MILLIS && later >= -EARLY_MILLIS;
    }

    /** Whether this is the boot of then, and what it would be read by now is what it was read by then. */
    boolean isReadAsBefore(LastPlace now) {
        return !proof.isEmpty() && proof.equals(now.proof) && place.equals(now.place) && isSameBoot(now);
    }

    private boolean isSameBoot(LastPlace now) {
        return mark.first().isPresent() && now.mark.isSameBootAs(mark);
    }

    /**
     * What to note of a kernel that is there still: all as it is now, but for the clock where that of then tells more
     * exactly by how much it lags behind the host's. Empty when this says the same.
     */
    Optional<LastPlace> next(LastPlace now) {
        if (mark.seconds().isEmpty() || now.mark.seconds().isPresent() && now.lag() + SHARPER_MILLIS < lag()) {
            return Optional.of(now);
        }
        return proof.equals(now.proof) && isSameBoot(now) ? Optional.empty() : Optional.of(
                new LastPlace(now.stamp, now.place, now.mark.at(mark.seconds()), millis, now.build, now.proof));
    }

    private long lag() {
        return millis - mark.seconds().getAsLong() * 1000;
    }
}
