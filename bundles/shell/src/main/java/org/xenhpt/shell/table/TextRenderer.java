// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.table;

import java.io.IOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;

/** Aligned columns under headings. Nothing a guest says gets past {@link SafeText}. */
final class TextRenderer {
    private TextRenderer() {
    }

    static <R> void write(Table<R> table, int width, Writer to) throws IOException {
        List<Column<R>> columns = table.shown();
        int[] widths = new int[columns.size()];
        List<String[]> lines = new ArrayList<>(table.rows().size() + 1);
        lines.add(columns.stream().map(Column::heading).toArray(String[]::new));
        for (R row : table.rows()) {
            String[] line = new String[widths.length];
            for (int i = 0; i < line.length; i++) {
                line[i] = SafeText.of(columns.get(i).text().apply(row));
            }
            lines.add(line);
        }
        for (String[] line : lines) {
            for (int i = 0; i < widths.length; i++) {
                widths[i] = Math.max(widths[i], SafeText.width(line[i]));
            }
        }
        StringBuilder text = new StringBuilder();
        for (String[] line : lines) {
            text.setLength(0);
            for (int i = 0; i < widths.length; i++) {
                boolean right = columns.get(i).right();
                int pad = widths[i] - SafeText.width(line[i]);
                text.append(i > 0 ? " " : "").append(right ? " ".repeat(pad) : "").append(line[i]);
                if (!right && i < widths.length - 1) {
                    text.append(" ".repeat(pad));
                }
            }
            if (line[widths.length - 1].isEmpty()) {
                text.setLength(text.toString().stripTrailing().length());
            }
            to.write(width > 0 ? SafeText.cut(text.toString(), width) : text.toString());
            to.write('\n');
        }
    }
}
