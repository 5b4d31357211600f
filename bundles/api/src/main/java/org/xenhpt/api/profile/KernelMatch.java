// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.KernelIdentity;

/**
 * By what a kernel build is recognised. What is empty is not compared; a build id decides alone where both sides have one.
 *
 * @param architecture of the kernel
 * @param release      as {@code uname -r} prints it
 * @param banner       {@code linux_banner} without the line's end, or empty
 * @param buildId      GNU build id in lower-case hexadecimal, or empty
 */
public record KernelMatch(Architecture architecture, String release, String banner, String buildId) {

    /** That of the build that a guest runs. */
    public static KernelMatch of(KernelIdentity kernel) {
        return new KernelMatch(kernel.architecture(), kernel.release(), kernel.banner(), kernel.buildId());
    }

    /**
     * Whether this is known to be the build that the guest runs. A release alone does not name a build: it needs a
     * banner or a build id too. Of a profile that has neither ({@link #isUnnamed}) it is known only by comparing its
     * addresses with the running kernel.
     */
    public boolean matches(KernelIdentity kernel) {
        if (architecture != kernel.architecture() || !release.equals(kernel.release())) {
            return false;
        }
        if (!buildId.isEmpty() && !kernel.buildId().isEmpty()) {
            return buildId.equals(kernel.buildId());
        }
        return !banner.isEmpty() && banner.equals(kernel.banner());
    }

    /** Whether there is neither banner nor build id, and the rest is the guest's. */
    public boolean isUnnamed(KernelIdentity kernel) {
        return architecture == kernel.architecture() && release.equals(kernel.release()) && banner.isEmpty()
                && buildId.isEmpty();
    }
}
