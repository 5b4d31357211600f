// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

/**
 * A member of a structure. Members of anonymous structures and unions inside it are listed as its own.
 *
 * @param offset from the structure's start, in bytes; of a bit field, that of the byte its first bit lies in
 * @param size   in bytes; 0 for a flexible array; of a bit field, of the bytes it touches
 * @param type   the C type as the kernel's source writes it: {@code int}, {@code struct list_head},
 *               {@code struct task_struct *}, {@code char[16]}; {@code unsigned int : 3 @ 5} is a bit field of 3
 *               bits, the lowest of which is bit 5 counted from that byte; empty when unknown
 */
public record Member(int offset, int size, String type) {
    public Member {
        if (offset < 0 || size < 0) {
            throw new IllegalArgumentException("offset " + offset + ", size " + size);
        }
    }
}
