// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.decoder;

import org.osgi.annotation.versioning.ConsumerType;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.translation.AddressSpace;

/**
 * Knows how one generation of kernels keeps its tasks. An OSGi service; of the decoders that fit a kernel, the one with the
 * highest {@code service.ranking} is used.
 */
@ConsumerType
public interface Decoder {
    /** What people call it: {@code linux-6.2}. */
    String name();

    /** What it wants to know of a kernel. */
    Needs needs();

    /** Whether it knows this kernel; decided by what the profile has, since distributions patch, and only then by version. */
    boolean fits(Kernel kernel);

    /**
     * Prepares for reading: resolves members and symbols once.
     *
     * @param space the kernel's own address space
     * @throws org.xenhpt.api.error.HptException {@code BAD_PROFILE} when the profile lacks what the decoder must have
     */
    TaskReader attach(Kernel kernel, AddressSpace space);
}
