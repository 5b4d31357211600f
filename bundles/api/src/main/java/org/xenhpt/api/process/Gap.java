// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.process;

/**
 * Something missing from an answer.
 *
 * @param where what is missing, as people read it: {@code tasks after pid 312}
 * @param why   what was found instead
 */
public record Gap(String where, String why) {
}
