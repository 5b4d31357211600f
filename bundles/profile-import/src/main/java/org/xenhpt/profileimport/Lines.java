// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.xenhpt.api.error.HptException;

/** The lines of a text, each of bounded length. */
final class Lines {
    private static final int LONGEST = 1 << 16;

    private final SourceFile file;
    private final String part;
    private final InputStream in;
    private final byte[] buffer = new byte[1 << 16];
    private byte[] begun = new byte[256];
    private int position;
    private int end;
    private long number;

    /** @param part of the file that the text is, for errors: the name of a zip's entry and a colon; else empty */
    Lines(SourceFile file, String part, InputStream in) {
        this.file = file;
        this.part = part;
        this.in = in;
    }

    /** The next line without its end; null after the last. */
    String next() {
        int length = 0;
        while (true) {
            if (position == end && !fill()) {
                if (length == 0) {
                    return null;
                }
                number++;
                return text(begun, 0, length);
            }
            int start = position;
            while (position < end && buffer[position] != '\n') {
                position++;
            }
            boolean complete = position < end;
            int n = position - start;
            if (length + n > LONGEST) {
                number++;
                throw bad("the line is longer than " + (LONGEST >> 10) + " KiB");
            }
            if (complete) {
                position++;
                number++;
                if (length == 0) {
                    return text(buffer, start, n);
                }
            }
            if (length + n > begun.length) {
                begun = Arrays.copyOf(begun, Math.max(length + n, 2 * begun.length));
            }
            System.arraycopy(buffer, start, begun, length, n);
            length += n;
            if (complete) {
                return text(begun, 0, length);
            }
        }
    }

    private boolean fill() {
        try {
            position = 0;
            end = Math.max(0, in.read(buffer, 0, buffer.length));
            return end > 0;
        } catch (IOException e) {
            throw file.bad(e);
        }
    }

    private static String text(byte[] bytes, int start, int length) {
        int n = length > 0 && bytes[start + length - 1] == '\r' ? length - 1 : length;
        return new String(bytes, start, n, StandardCharsets.UTF_8);
    }

    /** The number of the line last read, from 1. */
    long number() {
        return number;
    }

    /** An error in the line last read. */
    HptException bad(String what) {
        return file.bad(part + number, what);
    }
}
