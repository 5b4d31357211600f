// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import java.util.List;

/** A structure or union as a source tells it. */
record StructDef(long size, List<Field> fields) {
    /**
     * @param name   empty of an anonymous structure, whose members are members of this one
     * @param offset from the start, in bytes
     */
    record Field(String name, long offset, CType type) {
    }
}
