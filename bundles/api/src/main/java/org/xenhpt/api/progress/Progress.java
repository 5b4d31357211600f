// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.progress;

import org.osgi.annotation.versioning.ConsumerType;
import org.xenhpt.api.kernel.Clue;

/** Hears what a step is doing and what it meets. Called often: an implementation decides what to show, and when. */
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

    /** Something that may tell of the guest's kernel was met. */
    default void met(Clue clue) {
    }
}
