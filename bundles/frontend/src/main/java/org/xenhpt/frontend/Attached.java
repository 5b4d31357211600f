// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.kernel.Attempt;
import org.xenhpt.api.kernel.Clue;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.translation.AddressSpace;

/**
 * What is known of the kernel that a guest runs, until it runs another.
 *
 * @param identity which kernel it is
 * @param space    its own address space
 * @param use      how it is read; empty when nothing tells its layout or no decoder fits
 * @param findings all that was found out, and how
 * @param ladder   the sources that were tried
 * @param problem  why there is no {@code use}
 * @param climb    what all this was made with
 */
record Attached(KernelIdentity identity, AddressSpace space, Optional<Use> use, List<Finding> findings,
        List<Attempt> ladder, Optional<HptException> problem, Climbed climb) {

    /**
     * A kernel with its profile, and who reads it.
     *
     * @param plugin whose the reader is; empty when that does not matter
     */
    record Use(Kernel kernel, String decoder, TaskReader reader, Optional<Plugin<Decoder>> plugin) {
        Use(Kernel kernel, String decoder, TaskReader reader) {
            this(kernel, decoder, reader, Optional.empty());
        }
    }

    Attached {
        findings = List.copyOf(findings);
        ladder = List.copyOf(ladder);
    }

    /** One that stays as it is, whatever comes or goes. */
    Attached(KernelIdentity identity, AddressSpace space, Optional<Use> use, List<Finding> findings,
            List<Attempt> ladder, Optional<HptException> problem) {
        this(identity, space, use, findings, ladder, problem, Climbed.NOTHING);
    }

    /** The same, as the one that was chosen although the guest's memory holds another kernel, too. */
    Attached ratherThan(KernelIdentity other, String why) {
        String tables = "page tables at GPA 0x" + Long.toHexString(other.rootGpa());
        List<Finding> all = new ArrayList<>(findings);
        all.add(new Finding("other kernel", other.release() + ", " + tables, why));
        Attempt first = ladder.get(0);
        List<Clue> clues = new ArrayList<>(first.clues());
        clues.add(new Clue(Clue.Verdict.REJECTED, "kernel " + other.release(), tables, why));
        List<Attempt> attempts = new ArrayList<>(ladder);
        attempts.set(0, new Attempt(first.source(), first.outcome(), first.confidence(), first.detail(), clues));
        return new Attached(identity, space, use, all, attempts, problem, climb);
    }

    /** The same guest without a reader. */
    Attached without(HptException why, AddressSpace otherSpace) {
        return new Attached(identity, otherSpace, Optional.empty(), findings, ladder, Optional.of(why), climb);
    }
}
