// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.interactive;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.xenhpt.api.error.Reason;
import org.xenhpt.shell.CommandRunner;
import org.xenhpt.shell.Console;
import org.xenhpt.shell.ExitCodes;

/** Reads commands from standard input, one a line. Its exit code is that of the last command that failed. */
public final class Script {
    private final CommandRunner runner;
    private final Console console;
    private final List<String> global;

    /** @param global the options that go before each command */
    public Script(CommandRunner runner, Console console, List<String> global) {
        this.runner = runner;
        this.console = console;
        this.global = List.copyOf(global);
    }

    public int run() {
        int code = ExitCodes.OK;
        int number = 0;
        BufferedReader lines = new BufferedReader(new InputStreamReader(console.in(), StandardCharsets.UTF_8));
        try {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                number++;
                Optional<List<String>> words = WordSplitter.split(line);
                if (words.isEmpty()) {
                    console.say("command: line " + number + ": a quote is not closed");
                    code = Reason.USAGE.exitCode();
                } else if (!words.get().isEmpty()) {
                    String first = words.get().get(0);
                    if (first.equals("exit") || first.equals("quit")) {
                        break;
                    }
                    List<String> all = new ArrayList<>(global);
                    all.addAll(words.get());
                    int result = runner.run(all, console);
                    code = result == ExitCodes.OK ? code : result;
                    if (result == ExitCodes.READER_GONE) {
                        break;
                    }
                }
            }
        } catch (IOException e) {
            console.say("command: standard input: " + e.getMessage());
            return Reason.FILE.exitCode();
        }
        return code;
    }
}
