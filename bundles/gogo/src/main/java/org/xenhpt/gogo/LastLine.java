// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.gogo;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/** Passes messages on and keeps the last whole one: a remote shell may show what a command throws, and drop its messages. */
final class LastLine extends OutputStream {
    private static final int LONGEST = 2_000;

    private final OutputStream to;
    private final ByteArrayOutputStream line = new ByteArrayOutputStream();
    private String last = "";

    LastLine(OutputStream to) {
        this.to = to;
    }

    @Override
    public synchronized void write(int b) throws IOException {
        to.write(b);
        if (b == '\n') {
            last = line.toString(StandardCharsets.UTF_8).strip();
            line.reset();
        } else if (line.size() < LONGEST) {
            line.write(b);
        }
    }

    @Override
    public void flush() throws IOException {
        to.flush();
    }

    /** Empty when there was none. */
    synchronized String text() {
        return last;
    }
}
