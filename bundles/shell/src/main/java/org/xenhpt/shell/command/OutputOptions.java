// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import org.xenhpt.shell.Console;
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
}
