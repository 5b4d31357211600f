// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.interactive;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.LineReader;
import org.jline.reader.ParsedLine;
import org.xenhpt.api.error.HptException;
import org.xenhpt.shell.CommandRunner;
import org.xenhpt.shell.Console;
import org.xenhpt.shell.table.SafeText;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** What can come next: commands, their options, guests and files. */
final class Completions implements Completer {
    private static final int MOST_FILES = 500;

    private final CommandRunner runner;
    private final Console console;

    Completions(CommandRunner runner, Console console) {
        this.runner = runner;
        this.console = console;
    }

    @Override
    public void complete(LineReader reader, ParsedLine line, List<Candidate> candidates) {
        String word = line.word().substring(0, Math.min(line.wordCursor(), line.word().length()));
        try (CommandRunner.Tree tree = runner.tree(console)) {
            CommandLine command = tree.line();
            List<String> before = line.words().subList(0, Math.max(0, line.wordIndex()));
            boolean help = !before.isEmpty() && before.get(0).equals("help");
            for (String earlier : help ? before.subList(1, before.size()) : before) {
                command = command.getSubcommands().getOrDefault(earlier, command);
            }
            if (word.startsWith("-")) {
                for (OptionSpec option : command.getCommandSpec().options()) {
                    candidates.add(candidate(option.longestName(), String.join(" ", option.description()), true));
                }
                return;
            }
            command.getSubcommands().forEach((name, sub) -> candidates.add(candidate(name,
                    String.join(" ", sub.getCommandSpec().usageMessage().description()), true)));
            if (command.getParent() == null) {
                candidates.add(candidate("exit", "Leave.", true));
            } else if (command.getSubcommands().isEmpty() && !help) {
                guests(candidates);
                files(word, candidates);
            }
        }
    }

    private void guests(List<Candidate> to) {
        try {
            runner.guests().forEach(guest -> to.add(candidate(guest.uri().toString(), guest.name(), true)));
        } catch (HptException e) {
            // The command itself will say what is wrong.
        }
    }

    private static void files(String word, List<Candidate> to) {
        String scheme = word.startsWith("file:") ? "file:" : "";
        String path = word.substring(scheme.length());
        int slash = path.lastIndexOf('/') + 1;
        String folder = path.substring(0, slash);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of(folder.isEmpty() ? "." : folder))) {
            List<Path> found = new ArrayList<>();
            for (Path file : files) {
                if (file.getFileName().toString().startsWith(path.substring(slash)) && found.size() < MOST_FILES) {
                    found.add(file);
                }
            }
            for (Path file : found) {
                boolean isFolder = Files.isDirectory(file);
                to.add(candidate(scheme + folder + file.getFileName() + (isFolder ? "/" : ""), "", !isFolder));
            }
        } catch (IOException | InvalidPathException | SecurityException e) {
            // No such folder: nothing to offer.
        }
    }

    private static Candidate candidate(String value, String about, boolean complete) {
        String first = about.split("\\. ", 2)[0];
        return new Candidate(value, SafeText.of(value), null, first.isEmpty() ? null : SafeText.of(first), null, null,
                complete);
    }
}
