// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Map;
import org.xenhpt.shell.table.SafeText;

/**
 * What a command sees of the world it was called in.
 *
 * @param in          standard input
 * @param results     standard output
 * @param messages    standard error: warnings, errors, progress
 * @param inputTty    whether standard input is a terminal
 * @param resultsTty  whether standard output is one
 * @param messagesTty whether standard error is one
 * @param width       columns of the terminal, 0 when unknown
 * @param home        the distribution's folder
 * @param environment variables
 */
public record Console(InputStream in, OutputStream results, PrintStream messages, boolean inputTty, boolean resultsTty,
        boolean messagesTty, int width, Path home, Map<String, String> environment) {
    /** The same for a terminal of another width. */
    public Console with(int otherWidth) {
        return new Console(in, results, messages, inputTty, resultsTty, messagesTty, otherWidth, home, environment);
    }

    /** One line on standard error. */
    public void say(String line) {
        messages.println("hpt: " + SafeText.of(line));
    }
}
