// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

import java.util.Optional;
import org.osgi.annotation.versioning.ConsumerType;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;

/**
 * Gives the profile of a running kernel. An OSGi service; sources are asked in the order of their {@code service.ranking},
 * highest first, until one knows.
 */
@ConsumerType
public interface ProfileSource {
    /** What people call it: {@code profiles folder}, {@code guest memory (BTF, kallsyms)}. */
    String name();

    /**
     * @param kernel which kernel it is
     * @param space  the kernel's own address space
     * @param needs  what is wanted of it; a source that has more may give more
     * @return empty when this source does not know the build
     * @throws org.xenhpt.api.error.HptException when it should know, and something is wrong: damaged tables, a broken file
     */
    Optional<Profile> find(Guest guest, KernelIdentity kernel, AddressSpace space, Needs needs, Progress progress);

    /**
     * Makes a profile of this guest with the help of one that this source made before, perhaps of another guest that said
     * to be of the same build: more quickly than {@link #find}, and as surely. Guests lie: nothing of what was learnt of
     * one is believed of another that this one's memory does not bear out.
     *
     * @param learnt   of the build that the guest says to run, as {@link #find} gave it
     * @param progress hears what was met
     * @return empty when this source did not make it, when it does not hold for this guest, or when that cannot be told
     */
    default Optional<Profile> confirm(Profile learnt, Guest guest, KernelIdentity kernel, AddressSpace space,
            Progress progress) {
        return Optional.empty();
    }

    /**
     * A number that is another one after what this source knows changed, so that what it gave before may be outdated. Asked
     * at each listing: it must be cheap.
     */
    default long version() {
        return 0;
    }
}
