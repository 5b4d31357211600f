// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

/** Texts as a profile holds them and as messages show them. */
final class Text {
    /** Longer ones are no names: the kernel's own limit for a symbol is 512. */
    static final int LONGEST_NAME = 1024;
    private static final int LONGEST_SHOWN = 60;

    private Text() {
    }

    /** For a message: cut when long, without control characters. */
    static String shown(String text) {
        String cut = text.length() > LONGEST_SHOWN ? text.substring(0, LONGEST_SHOWN) + "..." : text;
        return cut.chars().noneMatch(Character::isISOControl) ? cut
                : cut.codePoints().map(c -> Character.isISOControl(c) ? '?' : c)
                        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
    }

    /** Whether it can be the name of a symbol, structure or member, or a C type. */
    static boolean isName(String text) {
        return !text.isEmpty() && isShortAndPrintable(text);
    }

    static boolean isShortAndPrintable(String text) {
        return text.length() <= LONGEST_NAME
                && text.chars().noneMatch(c -> Character.isISOControl(c) || Character.isSurrogate((char) c));
    }
}
