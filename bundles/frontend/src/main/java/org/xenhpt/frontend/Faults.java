// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.function.Supplier;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.GuestUri;

/** Failures of reading, told so that they name the guest. */
final class Faults {
    private Faults() {
    }

    /** Does the work; a failure that does not say of which guest gets its name. */
    static <T> T named(GuestUri guest, Supplier<T> work) {
        try {
            return work.get();
        } catch (MemoryFault fault) {
            throw new HptException(Step.TRANSLATION, Reason.MEMORY_FAULT, guest.toString(), fault.detail(), fault);
        } catch (InternalError error) {
            // HotSpot's word for SIGBUS in mapped memory: the file under the mapping got shorter, or the page is gone.
            throw new HptException(Step.BACKEND, Reason.GUEST_GONE, guest.toString(),
                    "its memory went away while it was read", error);
        }
    }
}
