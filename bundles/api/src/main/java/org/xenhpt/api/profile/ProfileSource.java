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
     * A number that is another one after what this source knows changed, so that what it gave before may be outdated. Asked
     * at each listing: it must be cheap.
     */
    default long version() {
        return 0;
    }
}
