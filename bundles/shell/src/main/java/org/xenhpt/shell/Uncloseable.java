// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/** Standard output stays open for the next command of a shell. */
final class Uncloseable extends FilterOutputStream {
    Uncloseable(OutputStream to) {
        super(to);
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        out.write(bytes, offset, length);
    }

    @Override
    public void close() throws IOException {
        flush();
    }
}
