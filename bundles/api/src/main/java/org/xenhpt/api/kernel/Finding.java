// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.kernel;

/**
 * One thing found out about a guest, and how: a line of {@code hpt identify}.
 *
 * @param what  such as {@code KASLR offset}
 * @param value as people read it
 * @param how   where it was found and what confirmed it
 */
public record Finding(String what, String value, String how) {
}
