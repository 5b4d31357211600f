// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import org.xenhpt.api.guest.PhysicalMemory;

/**
 * An image that was understood.
 *
 * @param type        the format's name, for people
 * @param memory      what of the guest's memory is in it
 * @param memoryBytes how much RAM the guest has, as far as the image tells, in bytes
 * @param notes       what else it tells
 */
record Image(String type, PhysicalMemory memory, long memoryBytes, Notes notes) {
}
