// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.table;

import java.util.List;

/**
 * An answer before it is turned into text, JSON or CSV.
 *
 * @param shown the columns that people are shown
 * @param data  the columns that programs are given
 * @param rows  in order
 */
public record Table<R>(List<Column<R>> shown, List<Column<R>> data, List<R> rows) {
    public Table {
        shown = List.copyOf(shown);
        data = List.copyOf(data);
        rows = List.copyOf(rows);
    }

    /** A table with the same columns for people and programs. */
    public static <R> Table<R> of(List<Column<R>> columns, List<R> rows) {
        return new Table<>(columns, columns, rows);
    }
}
