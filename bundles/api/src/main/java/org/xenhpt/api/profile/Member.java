// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

/**
 * A member of a structure. Members of anonymous structures and unions inside it are listed as its own.
 *
 * @param offset from the structure's start, in bytes
 * @param size   in bytes; 0 for a flexible array; of a bit-field, the integer that it is cut from
 * @param type   the C type as the kernel's source writes it: {@code int}, {@code struct list_head},
 *               {@code struct task_struct *}, {@code char[16]}; a bit-field has its width, {@code unsigned int:1}; empty when unknown
 */
public record Member(int offset, int size, String type) {
    public Member {
        if (offset < 0 || size < 0) {
            throw new IllegalArgumentException("offset " + offset + ", size " + size);
        }
    }
}
