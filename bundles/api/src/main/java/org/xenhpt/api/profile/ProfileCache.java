// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

import java.nio.file.Path;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.kernel.KernelIdentity;

/**
 * Keeps what was learnt of kernel builds from guests' memory. An OSGi service. It holds what guests said: nothing of it
 * may be believed before {@link ProfileSource#confirm} says so, or it is known to be of the boot that the guest is in.
 */
@ProviderType
public interface ProfileCache {
    /** Where it keeps them; empty when it keeps nothing. */
    Optional<Path> folder();

    /** From now on keeps nothing and recalls nothing, or again. */
    void enable(boolean on);

    /**
     * What was learnt of the build that a kernel says to be. A file that is damaged is thrown away.
     *
     * @param needs what is wanted of it
     * @return empty when nothing was, or when then something else was wanted
     */
    Optional<Profile> recall(KernelIdentity kernel, Needs needs);

    /** {@link #recall} will be called for this build: a hint to begin reading in the background. */
    default void expect(KernelMatch kernel, Needs needs) {
    }

    /**
     * Keeps what was learnt. That it cannot is no failure of the caller's.
     *
     * @param needs what was wanted of it
     */
    void keep(Profile learnt, Needs needs);

    /**
     * What was noted of a guest the last time.
     *
     * @return the note, in the words of whoever kept it; empty when there is none
     */
    default Optional<String> recallNote(GuestUri guest) {
        return Optional.empty();
    }

    /** Keeps a note of a guest instead of the one before. That it cannot is no failure of the caller's. */
    default void keepNote(GuestUri guest, String note) {
    }

    /** Throws away what was learnt of this build. */
    void forget(KernelIdentity kernel, Needs needs);
}
