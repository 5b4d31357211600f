// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.xenhpt.api.translation.PagingMode;

/**
 * Where a kernel was found: all that a search is for. That it is there again is put to the proofs that everything found
 * is put to.
 *
 * @param mode       of its page tables
 * @param root       GPA of its top-level table
 * @param base       {@code __START_KERNEL_map} on x86-64, {@code PAGE_OFFSET} on i386
 * @param start      GVA of the image's first byte
 * @param vmcoreinfo GPA of its VMCOREINFO, -1 where it was known without
 * @param uts        GVA of the names in {@code init_uts_ns}
 * @param banner     GVA of {@code linux_banner}
 */
record KnownPlace(PagingMode mode, long root, long base, long start, long vmcoreinfo, long uts, long banner) {
    private static final String NUMBER = " (-?[0-9a-f]{1,16})";
    private static final Pattern TEXT = Pattern.compile("1 ([A-Z0-9_]{1,16})" + NUMBER.repeat(6));

    static Optional<KnownPlace> parse(String text) {
        Matcher matcher = TEXT.matcher(text);
        if (!matcher.matches()) {
            return Optional.empty();
        }
        for (PagingMode mode : PagingMode.values()) {
            if (mode.name().equals(matcher.group(1))) {
                return Optional.of(new KnownPlace(mode, number(matcher, 2), number(matcher, 3), number(matcher, 4),
                        number(matcher, 5), number(matcher, 6), number(matcher, 7)));
            }
        }
        return Optional.empty();
    }

    private static long number(Matcher matcher, int group) {
        String digits = matcher.group(group);
        return digits.startsWith("-") ? -1 : Long.parseUnsignedLong(digits, 16);
    }

    /** What {@link #parse} reads. */
    String text() {
        return "1 " + mode + ' ' + Long.toHexString(root) + ' ' + Long.toHexString(base) + ' '
                + Long.toHexString(start) + ' ' + (vmcoreinfo < 0 ? "-1" : Long.toHexString(vmcoreinfo)) + ' '
                + Long.toHexString(uts) + ' ' + Long.toHexString(banner);
    }
}
