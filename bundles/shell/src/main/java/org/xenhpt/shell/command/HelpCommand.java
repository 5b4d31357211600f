// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.ServiceScope;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.Hpt;
import org.xenhpt.shell.table.Table;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code hpt help}. */
@Component(service = HptCommand.class, scope = ServiceScope.PROTOTYPE, property = "hpt.command=help")
@Command(name = "help", description = "Tells of the commands, of one command, of exit codes, of the JSON, or of trust in bundles.")
public final class HelpCommand implements HptCommand, Callable<Integer> {
    private static final String EXIT_CODES = "exit-codes";
    private static final String JSON = "json";
    private static final String TRUST = "trust";
    private static final String MANUAL = "manual";
    private static final String BASH_COMPLETION = "bash-completion";

    @ParentCommand
    private Hpt hpt;

    @Spec
    private CommandSpec spec;

    @Mixin
    private OutputOptions output;

    @Parameters(arity = "0..*", paramLabel = "COMMAND",
            description = "A command (profile make is one, too), exit-codes, json, or trust; manual is all of it as a manual page "
                    + "(hpt help manual | man -l -), bash-completion a script for bash (. <(hpt help bash-completion)).")
    private List<String> words = List.of();

    @Override
    public Integer call() throws IOException {
        PrintWriter out = spec.commandLine().getOut();
        if (words.equals(List.of(EXIT_CODES))) {
            output.write(Table.of(ExitCodes.COLUMNS, ExitCodes.all()), spec, hpt.console());
            return ExitCodes.OK;
        }
        if (words.equals(List.of(JSON)) || words.equals(List.of(TRUST))) {
            try (InputStream in = HelpCommand.class.getResourceAsStream(words.get(0) + ".txt")) {
                out.print(new String(in.readAllBytes(), StandardCharsets.UTF_8));
            }
            return ExitCodes.OK;
        }
        CommandLine command = spec.commandLine().getParent();
        if (words.equals(List.of(MANUAL))) {
            out.print(ManualPage.of(command));
            return ExitCodes.OK;
        }
        if (words.equals(List.of(BASH_COMPLETION))) {
            out.print(AutoComplete.bash(command.getCommandName(), command));
            return ExitCodes.OK;
        }
        for (String word : words) {
            CommandLine next = command.getSubcommands().get(word);
            if (next == null) {
                List<String> known = new ArrayList<>(command.getSubcommands().keySet());
                known.add(EXIT_CODES);
                known.addAll(List.of(JSON, TRUST, MANUAL, BASH_COMPLETION));
                throw new ParameterException(spec.commandLine(), "no help on '" + word + "'; there is some on "
                        + String.join(", ", known));
            }
            command = next;
        }
        command.usage(out);
        if (words.isEmpty()) {
            out.println();
            out.println("Exit codes:");
            ExitCodes.all().forEach(code -> out.printf(Locale.ROOT, "  %3d  %s%n", code.code(), code.meaning()));
        }
        return ExitCodes.OK;
    }
}
