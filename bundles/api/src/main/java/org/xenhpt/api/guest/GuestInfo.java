// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.guest;

/**
 * A line of {@code hpt guests}.
 *
 * @param uri         how to name the guest in commands
 * @param name        the name its owner gave it; the URI's name when it has none
 * @param type        the backend's word for the kind of guest or image: {@code HVM}, {@code ELF core}
 * @param state       what it is doing
 * @param memoryBytes RAM in bytes, -1 when unknown
 * @param vcpus       number of vCPUs, -1 when unknown
 */
public record GuestInfo(GuestUri uri, String name, String type, GuestState state, long memoryBytes, int vcpus) {
}
