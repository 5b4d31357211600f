// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** The manual page and the completion tell of every command and option that there is. */
class ManualTest {
    private final FakePlatform platform = new FakePlatform();

    private String help(String word) {
        assertThat(platform.hpt("help", word)).isZero();
        return platform.out();
    }

    private static void collect(CommandLine command, List<CommandLine> to) {
        to.add(command);
        command.getSubcommands().values().forEach(sub -> collect(sub, to));
    }

    private List<CommandLine> commands() {
        List<CommandLine> all = new ArrayList<>();
        try (CommandRunner.Tree tree = platform.runner().tree(platform.console(""))) {
            collect(tree.line(), all);
        }
        return all;
    }

    /** What man shows of a word. */
    private static String roff(String word) {
        return word.replace("-", "\\-");
    }

    @Test
    void theManualNamesEveryCommandOptionAndExitCode() {
        String manual = help("manual");
        List<CommandLine> commands = commands();
        assertThat(commands).hasSizeGreaterThan(10);
        for (CommandLine command : commands) {
            String section = manual;
            if (command.getParent() != null) {
                String title = ".SS \"" + roff(command.getCommandSpec().qualifiedName(" "));
                int start = manual.indexOf(title);
                assertThat(start).as("section %s", title).isPositive();
                section = manual.substring(start, manual.indexOf("\n.S", start + 1));
            }
            for (OptionSpec option : command.getCommandSpec().options()) {
                assertThat(option.inherited() ? manual : section).as("%s", command.getCommandName())
                        .contains(".B " + roff(String.join(", ", option.names())));
            }
            for (PositionalParamSpec parameter : command.getCommandSpec().positionalParameters()) {
                assertThat(section).contains(".I " + roff(parameter.paramLabel()));
            }
        }
        ExitCodes.all().forEach(code -> assertThat(manual).contains(".B " + code.code() + "\n"));
    }

    @Test
    void theManualIsCleanRoff() {
        String manual = help("manual");
        assertThat(manual).startsWith(".\\\" SPDX").contains("\n.TH HPT 1 ").doesNotContain("@").doesNotContain("%n");
        assertThat(manual.lines()).allSatisfy(line -> assertThat(line).matches("\\.(br|nf|fi|[A-Z\\\\].*)|[^.'].*"))
                .allSatisfy(line -> assertThat(line).matches("\\p{ASCII}*"));
        for (String section : List.of("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "COMMANDS", "TRUST", "EXIT STATUS", "FILES")) {
            assertThat(manual).contains("\n.SH " + section + "\n");
        }
    }

    @Test
    void theCompletionKnowsEveryCommandAndOption() {
        String script = help("bash-completion");
        assertThat(script).contains("complete -F _complete_hpt");
        for (CommandLine command : commands()) {
            assertThat(script).contains(command.getCommandName());
            for (OptionSpec option : command.getCommandSpec().options()) {
                assertThat(script).contains("'" + option.longestName() + "'");
            }
        }
    }
}
