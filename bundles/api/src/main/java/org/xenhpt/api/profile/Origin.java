// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

/**
 * Where the knowledge in a profile comes from.
 *
 * @param source the kind of source: {@code guest-memory}, {@code btf}, {@code system-map}, {@code isf},
 *               {@code volatility2}, {@code hand}
 * @param from   the file or guest it was made from, as people read it
 * @param made   the day, ISO 8601
 */
public record Origin(String source, String from, String made) {
}
