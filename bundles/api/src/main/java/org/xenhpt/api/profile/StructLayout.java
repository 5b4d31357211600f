// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The layout of a structure or union.
 *
 * @param size    in bytes
 * @param members by name, in the order of their offsets; not necessarily all
 */
public record StructLayout(int size, Map<String, Member> members) {
    public StructLayout {
        members = Collections.unmodifiableMap(new LinkedHashMap<>(members));
    }
}
