// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.guest;

/** What a guest is doing, as far as its backend can tell. */
public enum GuestState {
    RUNNING, PAUSED, SHUT_OFF, CRASHED,
    /** A memory image: it does not change. */
    IMAGE,
    UNKNOWN
}
