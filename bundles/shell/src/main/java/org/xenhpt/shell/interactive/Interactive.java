// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.interactive;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.xenhpt.api.error.Reason;
import org.xenhpt.shell.CommandRunner;
import org.xenhpt.shell.Console;
import org.xenhpt.shell.ExitCodes;

/** The shell for people: a prompt with history and completion. Ctrl-C stops the running command, Ctrl-D leaves. */
public final class Interactive {
    private static final long GRACE_MILLIS = 200;

    private final CommandRunner runner;
    private final Console console;
    private final List<String> global;

    /** @param global the options that go before each command */
    public Interactive(CommandRunner runner, Console console, List<String> global) {
        this.runner = runner;
        this.console = console;
        this.global = List.copyOf(global);
    }

    public int run() {
        try (Terminal terminal = TerminalBuilder.builder().system(true).dumb(true).build()) {
            LineReaderBuilder builder = LineReaderBuilder.builder().terminal(terminal).appName("hpt")
                    .completer(new Completions(runner, console))
                    // A guest's URI may hold what JLine takes for history expansion.
                    .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true);
            history().ifPresent(file -> builder.variable(LineReader.HISTORY_FILE, file));
            LineReader reader = builder.build();
            console.messages().println("Commands: help lists them, exit or Ctrl-D leaves.");
            return converse(terminal, reader);
        } catch (IOException e) {
            console.say("command: the terminal: " + e.getMessage());
            return Reason.FILE.exitCode();
        }
    }

    private int converse(Terminal terminal, LineReader reader) {
        while (true) {
            String line;
            try {
                line = reader.readLine("hpt> ");
            } catch (UserInterruptException e) {
                continue;
            } catch (EndOfFileException e) {
                return ExitCodes.OK;
            }
            Optional<List<String>> words = WordSplitter.split(line);
            if (words.isEmpty()) {
                console.say("command: a quote is not closed");
            } else if (!words.get().isEmpty()) {
                if (words.get().get(0).equals("exit") || words.get().get(0).equals("quit")) {
                    return ExitCodes.OK;
                }
                List<String> all = new ArrayList<>(global);
                all.addAll(words.get());
                runInterruptibly(terminal, all);
            }
        }
    }

    /** Runs a command on a thread of its own, which Ctrl-C interrupts; the second Ctrl-C leaves it behind. */
    private void runInterruptibly(Terminal terminal, List<String> words) {
        Thread command = new Thread(() -> runner.run(words, console.with(terminal.getWidth())), "hpt-command");
        command.setDaemon(true);
        int[] interrupts = {0};
        Terminal.SignalHandler before = terminal.handle(Terminal.Signal.INT, signal -> {
            interrupts[0]++;
            command.interrupt();
        });
        try {
            command.start();
            while (command.isAlive() && interrupts[0] < 2) {
                command.join(GRACE_MILLIS);
            }
            if (command.isAlive()) {
                console.say("command: it does not stop; left behind");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            terminal.handle(Terminal.Signal.INT, before);
        }
    }

    /** Where the history is kept, as the XDG base directory specification has it; empty when there is no place for it. */
    private Optional<Path> history() {
        String state = console.environment().getOrDefault("XDG_STATE_HOME", "");
        String home = System.getProperty("user.home", "");
        if (state.isEmpty() && home.isEmpty()) {
            return Optional.empty();
        }
        Path folder = state.isEmpty() ? Path.of(home, ".local", "state", "hpt") : Path.of(state, "hpt");
        try {
            Files.createDirectories(folder);
            return Optional.of(folder.resolve("history"));
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
