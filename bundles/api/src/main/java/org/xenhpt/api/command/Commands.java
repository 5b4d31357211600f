// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.command;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.util.List;
import org.osgi.annotation.versioning.ProviderType;

/** Runs the installed commands, for another shell than that of {@code hpt} itself. An OSGi service. */
@ProviderType
public interface Commands {
    /**
     * Runs one command and returns when it has ended. What goes wrong is told in {@code messages} and by the exit code, not
     * thrown. Sessions stay open for the next command. An interrupt of the thread ends the command.
     *
     * @param words    what would be written behind {@code hpt}: {@code ps}, {@code qemu:/run/vm.qmp}, {@code --json}; at
     *                 least a command
     * @param in       what commands that read standard input read; not closed
     * @param results  what is written to standard output otherwise; flushed, and not closed
     * @param messages warnings, errors, progress
     * @return the exit code, as {@code hpt help exit-codes} lists them
     */
    int run(List<String> words, InputStream in, OutputStream results, PrintStream messages);
}
