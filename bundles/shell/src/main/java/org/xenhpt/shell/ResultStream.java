// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.io.IOException;
import java.io.OutputStream;

/** Remembers why writing failed: print writers only say that it did. */
final class ResultStream extends OutputStream {
    private final OutputStream to;
    private String failure = "";

    ResultStream(OutputStream to) {
        this.to = to;
    }

    @Override
    public void write(int b) throws IOException {
        write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        attempt(() -> to.write(bytes, offset, length));
    }

    @Override
    public void flush() throws IOException {
        attempt(to::flush);
    }

    private interface Attempt {
        void run() throws IOException;
    }

    private void attempt(Attempt attempt) throws IOException {
        try {
            attempt.run();
        } catch (IOException e) {
            failure = e.getMessage() == null ? e.toString() : e.getMessage();
            throw e;
        }
    }

    /** Why writing failed; empty when it did not. */
    String failure() {
        return failure;
    }

    /** Whether the reader went away, as {@code head} does when it has enough. */
    boolean readerGone() {
        return failure.contains("Broken pipe");
    }
}
