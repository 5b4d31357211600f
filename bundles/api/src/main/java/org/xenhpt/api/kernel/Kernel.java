// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.kernel;

import java.util.OptionalLong;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.profile.Profile;

/** A running kernel together with what is known of its build: addresses are those of the guest, moved by KASLR. */
public record Kernel(KernelIdentity identity, Profile profile) {

    /** The GVA of a symbol, or the offset of a per-CPU symbol that is linked at 0; empty when the profile lacks it. */
    public OptionalLong findSymbol(String name) {
        Long linked = profile.symbols().get(name);
        return linked == null ? OptionalLong.empty() : OptionalLong.of(relocate(linked));
    }

    /**
     * As {@link #findSymbol}.
     *
     * @throws HptException {@code BAD_PROFILE} when the profile lacks it
     */
    public long symbol(String name) {
        return findSymbol(name).orElseThrow(() -> new HptException(Step.PROFILE, Reason.BAD_PROFILE, profile.name(),
                "has no symbol " + name + ", which the decoder needs for kernel " + identity.release())
                .next("make the profile anew with: hpt profile make"));
    }

    /** The GVA at which the guest has what was linked at this address; a per-CPU offset stays as it is. */
    public long relocate(long linked) {
        boolean inImage = Long.compareUnsigned(linked, identity.architecture().lowestImageAddress()) >= 0;
        long gva = inImage ? linked + identity.kaslrOffset() : linked;
        return identity.architecture() == Architecture.I386 ? gva & 0xffffffffL : gva;
    }
}
