// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.table;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.io.Writer;

/** How a table is written. */
public enum Format {
    TEXT, JSON, NDJSON, CSV,
    /** CSV without its header, to go on with a table that was begun. */
    CSV_ROWS;

    /**
     * Writes a table.
     *
     * @param width of the terminal in columns, to which lines of text are cut; 0 to leave them whole
     */
    public void write(Table<?> table, int width, Writer to) {
        try {
            switch (this) {
                case TEXT -> TextRenderer.write(table, width, to);
                case JSON -> JsonRenderer.write(table, true, to);
                case NDJSON -> JsonRenderer.write(table, false, to);
                case CSV -> CsvRenderer.write(table, true, to);
                case CSV_ROWS -> CsvRenderer.write(table, false, to);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
