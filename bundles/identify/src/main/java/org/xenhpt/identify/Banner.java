// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The text of {@code linux_banner}: {@code Linux version RELEASE (BUILDER) (COMPILER) VERSION}, where VERSION is what
 * {@code uname -v} prints.
 *
 * <p>Since 6.1 (2df8220cc511) an image holds it twice: init/version.c has a weak copy whose VERSION lacks the build's
 * number ({@code # SMP}), init/version-timestamp.c the one that the linker gives the name to ({@code #1 SMP}). They are
 * told apart by {@code init_uts_ns}, which holds the same VERSION.
 *
 * @param release as {@code uname -r} prints it
 * @param text    without the line's end
 */
public record Banner(String release, String text) {
    public static final String BEGIN = "Linux version ";
    public static final int MAX_BYTES = 512;

    /** The banner that the bytes begin with, up to the line's end. */
    public static Optional<Banner> parse(byte[] bytes, int length) {
        int end = 0;
        while (end < length && (bytes[end] & 0xff) >= ' ' && bytes[end] != 0x7f) {
            end++;
        }
        boolean ended = end < length && (bytes[end] == '\n' || bytes[end] == 0);
        String text = new String(bytes, 0, end, StandardCharsets.UTF_8);
        int release = text.indexOf(" (", BEGIN.length());
        if (!ended || !text.startsWith(BEGIN) || release <= BEGIN.length() || !text.endsWith(text.strip())
                || text.indexOf(' ', BEGIN.length()) != release) {
            return Optional.empty();
        }
        return Optional.of(new Banner(text.substring(BEGIN.length(), release), text));
    }

    /**
     * Whether this is the banner of the build whose {@code uname -v} is given. Ubuntu's kernels have one thing more
     * behind it: {@code (Ubuntu 3.13.0-24.46-generic 3.13.9)}, or {@code ()} where others build its sources.
     */
    boolean isOf(String version) {
        int signature = text.endsWith(")") ? text.lastIndexOf(" (") : -1;
        return text.endsWith(") " + version) || signature >= 0 && text.substring(0, signature).endsWith(") " + version);
    }
}
