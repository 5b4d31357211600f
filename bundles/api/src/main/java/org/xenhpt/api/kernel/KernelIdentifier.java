// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.kernel;

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
}
