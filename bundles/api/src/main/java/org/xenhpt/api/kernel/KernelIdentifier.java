// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.kernel;

import java.util.List;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.progress.Progress;

/** Finds out which kernel a guest runs from its physical memory alone. An OSGi service. */
@ProviderType
public interface KernelIdentifier {
    /**
     * @throws org.xenhpt.api.error.HptException {@code NOT_IDENTIFIED}, with what was seen and tried
     */
    KernelIdentity identify(Guest guest, Progress progress);

    /**
     * As {@link #identify}, but gives all kernels that are whole in the memory and may run: a reboot does not clear RAM, and
     * what it leaves behind can pass every proof that an identifier has. Who can read their tasks can tell them apart.
     *
     * @return the one that {@link #identify} would give, then the others, the likelier first; at least one
     * @throws org.xenhpt.api.error.HptException {@code NOT_IDENTIFIED}, with what was seen and tried
     * @since 1.2
     */
    default List<KernelIdentity> identifyAll(Guest guest, Progress progress) {
        return List.of(identify(guest, progress));
    }

    /**
     * As {@link #identify}, without a search: looks only where a kernel of this guest was before, and puts what is there to
     * the same proofs. That it is what runs now, and not what a reboot left behind, is for the caller to see.
     *
     * @param place {@link KernelIdentity#place} of that kernel
     * @return empty when it is no longer there
     */
    default Optional<KernelIdentity> identifyAt(String place, Guest guest, Progress progress) {
        return Optional.empty();
    }
}
