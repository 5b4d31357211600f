// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.xenhpt.shell.Console;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;
import org.xenhpt.shell.table.Format;
import org.xenhpt.shell.table.Table;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** In which form a listing command writes its answer. */
final class OutputOptions {
    @ArgGroup(exclusive = true)
    private Choice choice = new Choice();

    private static final class Choice {
        @Option(names = "--json", description = "Write a JSON array with an object a row (hpt help json tells of its keys).")
        private boolean json;

        @Option(names = "--ndjson", description = "Write a JSON object a line.")
        private boolean ndjson;

        @Option(names = "--csv", description = "Write comma-separated values with a header (RFC 4180).")
        private boolean csv;
    }

    Format format() {
        return choice.json ? Format.JSON : choice.ndjson ? Format.NDJSON : choice.csv ? Format.CSV : Format.TEXT;
    }

    void write(Table<?> table, CommandSpec command, Console console) {
        format().write(table, console.width(), command.commandLine().getOut());
    }

    /** Writes a listing that may be one of several. */
    <R> void write(Table<R> table, RepeatOptions.Listing listing, CommandSpec command, Console console) {
        if (listing.number() == 0) {
            write(table, command, console);
            return;
        }
        List<Column<R>> data = new ArrayList<>();
        data.add(Column.right("listing", "LISTING", "which listing this is of, from 1",
                row -> new Cell.Whole(listing.number())));
        data.add(Column.left("at", "AT", "when the listing began", row -> Cell.text(listing.at().toString())));
        data.addAll(table.data());
        PrintWriter out = command.commandLine().getOut();
        if (format() == Format.TEXT) {
            out.printf(Locale.ROOT, "%slisting %d, %s%n", listing.number() == 1 ? "" : "\n", listing.number(),
                    listing.at());
        }
        Format format = format() == Format.CSV && listing.number() > 1 ? Format.CSV_ROWS : format();
        format.write(new Table<>(table.shown(), data, table.rows()), console.width(), out);
    }
}
