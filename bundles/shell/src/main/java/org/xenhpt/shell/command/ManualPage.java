// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.Version;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/**
 * Writes the manual page in the man macros of roff (man(7)). What can be said of hpt as a whole is prose of a file; commands
 * and options come from the commands themselves, so that no page tells of options that are not there.
 */
final class ManualPage {
    private final StringBuilder page = new StringBuilder();

    private ManualPage() {
    }

    /** The page of a tree of commands. */
    static String of(CommandLine root) throws IOException {
        ManualPage made = new ManualPage();
        for (String line : lines("hpt.1")) {
            switch (line) {
                case "@VERSION@" -> made.page.append(".TH HPT 1 \"\" \"XenHPT ").append(escaped(Version.number()))
                        .append("\" \"User Commands\"\n");
                case "@OPTIONS@" -> made.options(root.getCommandSpec(), true);
                case "@COMMANDS@" -> root.getSubcommands().values().forEach(sub -> made.command(sub, ""));
                // Its commands are to be copied as they are.
                case "@TRUST@" -> lines("trust.txt").forEach(text -> made.page
                        .append(text.isEmpty() ? ".PP" : escaped(text)).append('\n'));
                case "@EXIT@" -> ExitCodes.all().forEach(code -> made.entry(".B " + code.code(), code.meaning() + "."));
                default -> made.page.append(line).append('\n');
            }
        }
        return made.page.toString();
    }

    private static List<String> lines(String resource) throws IOException {
        try (InputStream in = ManualPage.class.getResourceAsStream(resource)) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        }
    }

    private void command(CommandLine command, String before) {
        CommandSpec spec = command.getCommandSpec();
        String name = before + command.getCommandName();
        List<CommandLine> subs = List.copyOf(command.getSubcommands().values());
        page.append(".SS \"").append(escaped(synopsis(name, spec, !subs.isEmpty()))).append("\"\n");
        paragraph(String.join(" ", spec.usageMessage().description()));
        for (PositionalParamSpec parameter : spec.positionalParameters()) {
            if (!parameter.hidden()) {
                entry(".I " + escaped(parameter.paramLabel()), text(parameter.description(), parameter.defaultValue()));
            }
        }
        options(spec, false);
        for (String line : spec.usageMessage().footer()) {
            if (!line.isBlank()) {
                page.append(".PP\n");
                paragraph(line);
            }
        }
        subs.forEach(sub -> command(sub, name + " "));
    }

    private static String synopsis(String name, CommandSpec spec, boolean holdsOthers) {
        List<String> words = new ArrayList<>(List.of("hpt", name));
        if (holdsOthers) {
            words.add("COMMAND");
        }
        if (spec.options().stream().anyMatch(option -> !option.inherited() && !option.hidden())) {
            words.add("[OPTION...]");
        }
        for (PositionalParamSpec parameter : spec.positionalParameters()) {
            if (!parameter.hidden()) {
                String label = parameter.paramLabel() + (parameter.arity().max() > 1 ? "..." : "");
                words.add(parameter.arity().min() == 0 ? "[" + label + "]" : label);
            }
        }
        return String.join(" ", words);
    }

    /** @param inheritable whether options that a command has from the one above it are told here */
    private void options(CommandSpec spec, boolean inheritable) {
        for (OptionSpec option : spec.options()) {
            if (option.hidden() || option.inherited() && !inheritable) {
                continue;
            }
            StringBuilder names = new StringBuilder(".B " + escaped(String.join(", ", option.names())));
            if (option.arity().max() > 0) {
                names.append(" \\fI").append(escaped(option.paramLabel())).append(option.arity().max() > 1 ? "..." : "")
                        .append("\\fR");
            }
            entry(names.toString(), text(option.description(), option.defaultValue()));
        }
    }

    private static String text(String[] description, String defaultValue) {
        String text = String.join(" ", description);
        return text.replace("${DEFAULT-VALUE}", defaultValue == null ? "none" : defaultValue);
    }

    private void entry(String what, String meaning) {
        page.append(".TP\n").append(what).append('\n');
        paragraph(meaning);
    }

    private void paragraph(String text) {
        // %n and %% are picocli's, since it formats descriptions.
        String line = escaped(text.replace("%n", " ").replace("%%", "%")).replaceAll("\\s+", " ");
        page.append(line.startsWith(".") || line.startsWith("'") ? "\\&" : "").append(line).append('\n');
    }

    /** Text that roff takes literally. A bare hyphen would become a typographic one, which cannot be pasted in a terminal. */
    private static String escaped(String text) {
        return text.replace("\\", "\\e").replace("-", "\\-").replace("\"", "\\(dq");
    }
}
