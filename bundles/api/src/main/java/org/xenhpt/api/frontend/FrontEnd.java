// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.frontend;

import java.util.List;
import org.osgi.annotation.versioning.ProviderType;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.progress.Progress;

/**
 * Attaches to guests. An OSGi service; each bundle that uses it has one of its own, and the sessions that it leaves open are
 * closed when it stops.
 *
 * <p>Other bundles' code is called on a thread of the session's own, and waited for as long as these properties of the
 * framework say, in seconds: {@code hpt.limit.listing} (30) for one reading, {@code hpt.limit.attach} (180) without a sign
 * of progress while a kernel is identified. What does not answer is left behind and named.
 */
@ProviderType
public interface FrontEnd {
    /**
     * @param guests   all that the installed backends can see
     * @param failures of the backends that could not tell
     */
    record Listing(List<GuestInfo> guests, List<HptException> failures) {
        public Listing {
            guests = List.copyOf(guests);
            failures = List.copyOf(failures);
        }
    }

    Listing guests();

    /** The schemes that the installed backends open. */
    List<String> schemes();

    /** What the installed decoders want to know of a kernel, all together. */
    Needs needs();

    /**
     * Opens the guest, identifies its kernel, finds a profile and a decoder. A kernel without a profile or a decoder still
     * gives a session: {@link Session#problem()} then says what is missing.
     *
     * @throws HptException when the guest cannot be opened or no kernel is recognised in it; {@code PLUGIN_FAILED} when a
     *                      bundle fails at that in another way, or does not answer
     * @throws java.util.concurrent.CancellationException when the thread is interrupted while it waits
     */
    Session attach(GuestUri guest, Progress progress);
}
