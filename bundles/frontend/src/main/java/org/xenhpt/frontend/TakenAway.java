// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.guest.GuestUri;

/** What a guest was read through went, a successor was waited for, and none came. */
final class TakenAway extends HptException {
    private static final long serialVersionUID = 1L;

    TakenAway(GuestUri uri, Plugin<?> went) {
        super(went.step(), Reason.TAKEN_AWAY, uri.toString(), went.step().label() + " " + went
                + " was taken away, and nothing takes its place");
        next("when it, or another that does, is installed again, the guest is there again");
    }
}
