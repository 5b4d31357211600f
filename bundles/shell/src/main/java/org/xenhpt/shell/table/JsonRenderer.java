// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.table;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import java.io.IOException;
import java.io.Writer;

/** An array with one object a line, or (NDJSON) the objects alone. */
final class JsonRenderer {
    // ASCII only: a guest's characters reach a terminal or a log as escapes, and any JSON reader gives them back.
    private static final JsonFactory JSON = JsonFactory.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

    private JsonRenderer() {
    }

    static <R> void write(Table<R> table, boolean array, Writer to) throws IOException {
        if (array) {
            to.write('[');
        }
        String between = array ? "\n" : "";
        for (R row : table.rows()) {
            to.write(between);
            // A generator for each row: its own separators would put a blank between the objects.
            try (JsonGenerator json = JSON.createGenerator(to)) {
                json.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET).disable(JsonGenerator.Feature.FLUSH_PASSED_TO_STREAM);
                json.writeStartObject();
                for (Column<R> column : table.data()) {
                    json.writeFieldName(column.key());
                    write(column.cell().apply(row), json);
                }
                json.writeEndObject();
            }
            between = array ? ",\n" : "\n";
        }
        to.write(array ? (table.rows().isEmpty() ? "]\n" : "\n]\n") : (table.rows().isEmpty() ? "" : "\n"));
    }

    private static void write(Cell cell, JsonGenerator json) throws IOException {
        switch (cell.kind()) {
            case UNKNOWN -> json.writeNull();
            case WHOLE -> json.writeNumber(((Cell.Whole) cell).value());
            case SECONDS, SHARE -> json.writeNumber(cell.plain());
            case FLAG -> json.writeBoolean(((Cell.Flag) cell).value());
            case TEXT, ADDRESS -> json.writeString(cell.plain());
        }
    }
}
