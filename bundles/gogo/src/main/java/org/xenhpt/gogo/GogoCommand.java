// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.gogo;

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.xenhpt.api.command.Commands;

/** One command. */
public final class GogoCommand {
    /** So that a script sees that the command failed. */
    static final class Failed extends Exception {
        Failed(String command, int code, String message) {
            super("hpt " + command + " ended with exit code " + code + (message.isEmpty()
                    ? ": hpt:help exit-codes tells what it means" : ": " + message));
        }
    }

    private final String name;
    private final Commands commands;

    GogoCommand(String name, Commands commands) {
        this.name = name;
        this.commands = commands;
    }

    /**
     * What Gogo calls when no method has the function's own name.
     *
     * @param words the function's name, and what was written behind it
     */
    public void _main(Object[] words) throws Failed {
        List<String> all = new ArrayList<>(List.of(name));
        for (int i = 1; i < words.length; i++) {
            all.add(String.valueOf(words[i]));
        }
        // Gogo makes the standard streams those of the session whose thread calls.
        LastLine last = new LastLine(System.err);
        PrintStream messages = new PrintStream(last, true, StandardCharsets.UTF_8);
        int code = commands.run(all, System.in, System.out, messages);
        System.out.flush();
        messages.flush();
        if (code != 0) {
            throw new Failed(name, code, last.text());
        }
    }
}
