// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.util.OptionalLong;

/** The integers of a profile: decimal, or hexadecimal with 0x. Nothing else, so that none is taken for another. */
final class Numbers {
    private Numbers() {
    }

    /** A signed decimal number, or 0x and up to 64 bits; empty when it is neither, or too large. */
    static OptionalLong parse(String text) {
        try {
            if (isHex(text)) {
                return text.charAt(2) == '+' ? OptionalLong.empty()
                        : OptionalLong.of(Long.parseUnsignedLong(text.substring(2), 16));
            }
            String digits = text.startsWith("-") ? text.substring(1) : text;
            // 010 is eight in YAML 1.1 and ten to people.
            boolean octal = digits.length() > 1 && digits.charAt(0) == '0';
            boolean decimal = !digits.isEmpty() && digits.chars().allMatch(c -> c >= '0' && c <= '9');
            return decimal && !octal ? OptionalLong.of(Long.parseLong(text)) : OptionalLong.empty();
        } catch (NumberFormatException e) {
            return OptionalLong.empty();
        }
    }

    static boolean isHex(String text) {
        return text.length() > 2 && text.charAt(0) == '0' && (text.charAt(1) == 'x' || text.charAt(1) == 'X');
    }
}
