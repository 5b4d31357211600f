// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

/** Pages of guest memory that must be copied or inflated out of an image. */
@FunctionalInterface
interface PageSource {
    /**
     * Fetches a page.
     *
     * @param gfn  its guest frame number
     * @param page where to, 4,096 bytes; of any content when there is no page
     * @return false when the image does not have the page, or has it damaged
     */
    boolean load(long gfn, byte[] page);
}
