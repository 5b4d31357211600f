// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.table;

/**
 * Text that a guest may have chosen, made harmless for a terminal: what would move the cursor, change colours, reorder or
 * hide other text is written as an escape.
 */
public final class SafeText {
    private SafeText() {
    }

    /** The text with every character that is not plainly visible written as {@code \n}, {@code \x1b}, <code>\&#117;202e</code>. */
    public static String of(String text) {
        int at = 0;
        while (at < text.length()) {
            int c = text.codePointAt(at);
            if (!visible(c)) {
                return escape(text, at);
            }
            at += Character.charCount(c);
        }
        return text;
    }

    private static String escape(String text, int from) {
        StringBuilder safe = new StringBuilder(text.length() + 16).append(text, 0, from);
        for (int at = from; at < text.length();) {
            int c = text.codePointAt(at);
            at += Character.charCount(c);
            if (visible(c)) {
                safe.appendCodePoint(c);
            } else if (c == '\n') {
                safe.append("\\n");
            } else if (c == '\r') {
                safe.append("\\r");
            } else if (c == '\t') {
                safe.append("\\t");
            } else if (c < 0x100) {
                safe.append(String.format("\\x%02x", c));
            } else if (c < 0x10000) {
                safe.append(String.format("\\u%04x", c));
            } else {
                safe.append(String.format("\\U%08x", c));
            }
        }
        return safe.toString();
    }

    private static boolean visible(int c) {
        if (c < 0x7f) {
            return c >= 0x20;
        }
        return switch (Character.getType(c)) {
            case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED,
                    Character.LINE_SEPARATOR, Character.PARAGRAPH_SEPARATOR, Character.SPACE_SEPARATOR -> false;
            // Letters and marks that Unicode draws as nothing: fillers, variation selectors, the grapheme joiner, blanks.
            default -> c != 0x115f && c != 0x1160 && c != 0x3164 && c != 0xffa0 && c != 0x34f && c != 0x2800
                    && c != 0x17b4 && c != 0x17b5 && !(c >= 0x180b && c <= 0x180f) && !(c >= 0xfe00 && c <= 0xfe0f)
                    && !(c >= 0xe0100 && c <= 0xe01ef);
        };
    }

    /** How many columns of a terminal the text takes. */
    public static int width(String text) {
        int width = 0;
        for (int at = 0; at < text.length();) {
            int c = text.codePointAt(at);
            at += Character.charCount(c);
            width += width(c);
        }
        return width;
    }

    /** The longest beginning of the text that fits in this many columns. */
    public static String cut(String text, int columns) {
        int width = 0;
        int at = 0;
        while (at < text.length()) {
            int c = text.codePointAt(at);
            width += width(c);
            if (width > columns) {
                break;
            }
            at += Character.charCount(c);
        }
        return text.substring(0, at);
    }

    private static int width(int c) {
        if (c < 0x300) {
            return 1;
        }
        int type = Character.getType(c);
        if (type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK) {
            return 0;
        }
        // The blocks that Unicode's East Asian Width calls wide, without the few single characters outside them.
        boolean wide = c >= 0x1100 && c <= 0x115f || c >= 0x2e80 && c <= 0xa4cf || c >= 0xac00 && c <= 0xd7a3
                || c >= 0xf900 && c <= 0xfaff || c >= 0xfe30 && c <= 0xfe6f || c >= 0xff00 && c <= 0xff60
                || c >= 0xffe0 && c <= 0xffe6 || c >= 0x1f300 && c <= 0x1f64f || c >= 0x1f900 && c <= 0x1f9ff
                || c >= 0x20000 && c <= 0x3fffd;
        return wide ? 2 : 1;
    }
}
