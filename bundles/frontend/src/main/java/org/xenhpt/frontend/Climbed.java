// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.List;
import java.util.Optional;
import org.xenhpt.api.kernel.Attempt;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.ProfileSource;

/**
 * What a climb of the ladder rested on, so that it can be told what of it a change concerns.
 *
 * @param generation of the services
 * @param translator that opened the address space, and
 * @param identifier that identified the kernel: two objects only to be compared
 * @param cache      as well
 * @param needs      what was wanted
 * @param decoders   in the order in which they were asked
 * @param rungs      the sources in the order in which they were asked
 * @param kernel     the kernel with the profile that was used
 */
record Climbed(long generation, Object translator, Object identifier, Object cache, Needs needs, List<?> decoders,
        List<Rung> rungs, Optional<Kernel> kernel) {
    static final Climbed NOTHING = new Climbed(-1, "", "", "", Needs.NONE, List.of(), List.of(), Optional.empty());

    /**
     * One source, and what came of it.
     *
     * @param source  empty for what was learnt before
     * @param version of what it knew
     * @param attempt what came of it
     * @param failed  whether that was a failure, so that it is asked again
     */
    record Rung(Optional<Plugin<ProfileSource>> source, long version, Attempt attempt, boolean failed) {
    }

    Optional<Rung> rung(Optional<Plugin<ProfileSource>> source) {
        return rungs.stream().filter(rung -> rung.source().equals(source)).findFirst();
    }

    /** The sources, without their order. */
    List<Plugin<ProfileSource>> sources() {
        return rungs.stream().flatMap(rung -> rung.source().stream()).toList();
    }
}
