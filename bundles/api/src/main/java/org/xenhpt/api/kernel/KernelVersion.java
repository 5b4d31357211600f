// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.kernel;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The numbers at the start of a kernel's release: {@code 6.1.0-50-amd64} is 6.1.0. Distributions patch: prefer to ask a
 * profile what it has.
 */
public record KernelVersion(int major, int minor, int patch) implements Comparable<KernelVersion> {
    private static final Pattern NUMBERS = Pattern.compile("(\\d{1,4})\\.(\\d{1,4})(?:\\.(\\d{1,5}))?.*", Pattern.DOTALL);

    /** Reads a release; what has no numbers gives 0.0.0. */
    public static KernelVersion of(String release) {
        Matcher m = NUMBERS.matcher(release);
        if (!m.matches()) {
            return new KernelVersion(0, 0, 0);
        }
        String patch = m.group(3);
        return new KernelVersion(Integer.parseInt(m.group(1)), Integer.parseInt(m.group(2)),
                patch == null ? 0 : Integer.parseInt(patch));
    }

    public boolean atLeast(int otherMajor, int otherMinor) {
        return major != otherMajor ? major > otherMajor : minor >= otherMinor;
    }

    public boolean atLeast(int otherMajor, int otherMinor, int otherPatch) {
        return compareTo(new KernelVersion(otherMajor, otherMinor, otherPatch)) >= 0;
    }

    @Override
    public int compareTo(KernelVersion o) {
        return major != o.major ? Integer.compare(major, o.major)
                : minor != o.minor ? Integer.compare(minor, o.minor) : Integer.compare(patch, o.patch);
    }

    @Override
    public String toString() {
        return major + "." + minor + "." + patch;
    }
}
