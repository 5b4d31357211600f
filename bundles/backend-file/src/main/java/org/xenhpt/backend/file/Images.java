// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.util.List;
import org.xenhpt.api.guest.PhysicalMemory;

/** Makes images out of extents. */
final class Images {
    private Images() {
    }

    /** An image whose guest's RAM is what it holds. */
    static Image of(String type, ImageBytes image, List<Extent> found, Notes notes) {
        Extents extents = new Extents(found);
        return of(type, image, extents, extents.bytes(), notes);
    }

    static Image of(String type, ImageBytes image, Extents extents, long memoryBytes, Notes notes) {
        if (extents.count() == 0) {
            throw image.unreadable(type + " image without a single whole page of memory");
        }
        return new Image(type, memory(image, extents), memoryBytes, notes);
    }

    private static PhysicalMemory memory(ImageBytes image, Extents extents) {
        if (image instanceof MappedFile file) {
            return new MappedMemory(file, extents);
        }
        return new PagedMemory(image, (gfn, page) -> {
            int extent = extents.find(gfn * Extents.PAGE);
            return extent >= 0
                    && image.read(extents.offset(extent, gfn * Extents.PAGE), page, 0, page.length) == page.length;
        }, extents.ranges());
    }
}
