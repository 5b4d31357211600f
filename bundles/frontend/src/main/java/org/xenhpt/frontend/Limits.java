// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * How long other bundles' code is waited for, in nanoseconds.
 *
 * @param listing in all, for one reading of a guest
 * @param attach  without a sign of progress, while a kernel is identified
 */
record Limits(long listing, long attach) {
    static final String LISTING_PROPERTY = "hpt.limit.listing";
    static final String ATTACH_PROPERTY = "hpt.limit.attach";
    private static final double MOST_SECONDS = 86_400;

    static final Limits DEFAULT = new Limits(TimeUnit.SECONDS.toNanos(30), TimeUnit.SECONDS.toNanos(180));

    /** @param properties gives null for one that is not set */
    static Limits of(Function<String, String> properties) {
        return new Limits(nanos(properties.apply(LISTING_PROPERTY), DEFAULT.listing),
                nanos(properties.apply(ATTACH_PROPERTY), DEFAULT.attach));
    }

    private static long nanos(String seconds, long otherwise) {
        try {
            double value = seconds == null ? 0 : Double.parseDouble(seconds.strip());
            return value > 0 && value <= MOST_SECONDS ? (long) (value * 1e9) : otherwise;
        } catch (NumberFormatException e) {
            return otherwise;
        }
    }
}
