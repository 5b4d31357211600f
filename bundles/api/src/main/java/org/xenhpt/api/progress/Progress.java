// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.progress;

import org.osgi.annotation.versioning.ConsumerType;

/** Hears what a step is doing. Called often: an implementation decides what to show, and when. */
@ConsumerType
@FunctionalInterface
public interface Progress {
    /** Nobody listens. */
    Progress NONE = (what, done, total) -> { };

    /**
     * @param what  such as {@code searching guest memory}
     * @param done  how far it is, in units of {@code total}
     * @param total 0 when unknown
     */
    void report(String what, long done, long total);
}
