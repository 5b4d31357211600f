// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.Optional;
import java.util.function.Supplier;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Backend;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;

/** What a session lives among: bundles that come and go. */
interface Surroundings {
    /** A guest, and by whom it was opened. */
    record Opened(Optional<Plugin<Backend>> backend, Guest guest) {
    }

    /**
     * Opens the guest by the backend that is the best now.
     *
     * @param lost by whom it was opened before; when that one went, its successor is waited for a moment
     */
    Opened open(Optional<Plugin<Backend>> lost);

    /** Identifies the guest's kernel, and finds who can read it. */
    Attached attach(Guest guest);

    /** The same, as far as something changed since; what is given, when nothing did. */
    default Attached follow(Guest guest, Attached before) {
        return before;
    }

    /** Makes a profile of the kernel that the guest runs. */
    default Profile learn(Guest guest, Attached attached, Needs also, Progress progress) {
        throw new HptException(Step.PROFILE, Reason.NO_PROFILE, guest.info().uri().toString(),
                "there is nobody to make a profile");
    }

    /** Another number after something came or went. */
    default long generation() {
        return 0;
    }

    /** Waits until something came or went; false when the successor of one that went is no longer to be expected. */
    default boolean mayHaveSuccessor(Plugin<?> went) {
        return false;
    }

    /** Whether no other backend is to be preferred. */
    default boolean isBest(Optional<Plugin<Backend>> backend) {
        return true;
    }

    /** The backend that is the best cannot open the guest: the one in use stays in use until something changes. */
    default void decline(HptException why) {
    }

    /** Asks a plug-in. */
    default <T> T asked(Optional<? extends Plugin<?>> plugin, Supplier<T> question) {
        return question.get();
    }

    /** Gives something back to the plug-in that gave it. That this fails must not keep anything from going on. */
    default void release(Optional<? extends Plugin<?>> plugin, Runnable giving) {
        giving.run();
    }

    /** An address space that leads nowhere, in place of one that leads into memory which is no longer there. */
    default AddressSpace nowhere(Attached instead) {
        return instead.space();
    }
}
