// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit;

import java.util.Optional;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.profile.StructLayout;

/** The structure layouts of one kernel, asked by name. */
public final class Layouts {
    private final Kernel kernel;

    public Layouts(Kernel kernel) {
        this.kernel = kernel;
    }

    /** A member that the kernel may lack. */
    public Optional<Field> find(String struct, String path) {
        return kernel.profile().member(struct, path).map(member -> new Field(member.offset(), member.size()));
    }

    /**
     * A member under the first of several names that the kernel has: members get renamed.
     *
     * @throws HptException {@code BAD_PROFILE} when it has none of them
     */
    public Field get(String struct, String... paths) {
        for (String path : paths) {
            Optional<Field> field = find(struct, path);
            if (field.isPresent()) {
                return field.get();
            }
        }
        throw new HptException(Step.DECODER, Reason.BAD_PROFILE, kernel.profile().name(),
                "profile has no member " + struct + "." + String.join(" or ", paths) + " for kernel "
                        + kernel.identity().release())
                .next("make the profile anew with: hpt profile make");
    }

    /** Size of a structure in bytes; empty when the profile lacks it. */
    public Optional<Integer> size(String struct) {
        return Optional.ofNullable(kernel.profile().structs().get(struct)).map(StructLayout::size);
    }
}
