// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.table;

import java.util.function.Function;

/**
 * A column of a table.
 *
 * @param key     its name in JSON, in the CSV header and for {@code -o}
 * @param heading its name in text
 * @param about   what it shows, for the help
 * @param right   whether text is aligned to the right, as numbers are
 * @param cell    the typed value
 * @param text    what people read; it need not be safe for a terminal yet
 */
public record Column<R>(String key, String heading, String about, boolean right, Function<R, Cell> cell,
        Function<R, String> text) {
    /** A column whose text is its value. */
    public static <R> Column<R> left(String key, String heading, String about, Function<R, Cell> cell) {
        return new Column<>(key, heading, about, false, cell, row -> cell.apply(row).plain());
    }

    /** A column of numbers whose text is its value. */
    public static <R> Column<R> right(String key, String heading, String about, Function<R, Cell> cell) {
        return new Column<>(key, heading, about, true, cell, row -> cell.apply(row).plain());
    }

    /** The same column with another text. */
    public Column<R> shownAs(Function<R, String> other) {
        return new Column<>(key, heading, about, right, cell, other);
    }
}
