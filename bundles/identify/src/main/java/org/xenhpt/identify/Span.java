// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

/**
 * Bytes of a kernel image.
 *
 * @param gva    GVA of the first
 * @param length in bytes
 */
public record Span(long gva, long length) {
}
