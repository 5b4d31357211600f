// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.table;

import java.io.IOException;
import java.io.Writer;
import java.util.stream.Collectors;

/** Comma-separated values as RFC 4180 has them, with a header. Characters that are not visible are escaped as in text. */
final class CsvRenderer {
    private CsvRenderer() {
    }

    static <R> void write(Table<R> table, boolean header, Writer to) throws IOException {
        if (header) {
            to.write(table.data().stream().map(column -> quote(column.key())).collect(Collectors.joining(",")));
            to.write("\r\n");
        }
        for (R row : table.rows()) {
            String separator = "";
            for (Column<R> column : table.data()) {
                Cell cell = column.cell().apply(row);
                String text = switch (cell.kind()) {
                    case UNKNOWN -> "";
                    case FLAG -> Boolean.toString(((Cell.Flag) cell).value());
                    default -> cell.plain();
                };
                to.write(separator + quote(SafeText.of(text)));
                separator = ",";
            }
            to.write("\r\n");
        }
    }

    private static String quote(String value) {
        boolean plain = value.chars().noneMatch(c -> c == ',' || c == '"' || c == '\r' || c == '\n')
                && !value.startsWith(" ") && !value.endsWith(" ");
        return plain ? value : '"' + value.replace("\"", "\"\"") + '"';
    }
}
