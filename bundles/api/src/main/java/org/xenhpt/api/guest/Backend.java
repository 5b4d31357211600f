// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.guest;

import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/** A way to reach guests. An OSGi service; where two serve one scheme, the higher {@code service.ranking} is used. */
@ConsumerType
public interface Backend {
    /** The scheme of the URIs that this backend opens, such as {@code qemu}. */
    String scheme();

    /**
     * The guests that this backend can see now. A backend that cannot list any, because its guests are named by path,
     * returns an empty list.
     *
     * @throws org.xenhpt.api.error.HptException when it could list guests and is not able to now
     */
    List<GuestInfo> guests();

    /**
     * Opens a guest for reading. The guest is neither stopped nor changed by this.
     *
     * @throws org.xenhpt.api.error.HptException {@code NO_SUCH_GUEST}, {@code ACCESS_DENIED}, {@code UNREADABLE_GUEST}
     */
    Guest open(GuestUri uri);
}
