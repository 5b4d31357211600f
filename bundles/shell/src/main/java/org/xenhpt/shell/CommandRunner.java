// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.io.BufferedWriter;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.shell.table.SafeText;
import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** Runs one command: the same for the command line, the interactive shell and lines read from a file. */
public final class CommandRunner {
    private final Supplier<List<CommandRegistry.Offer>> commands;
    private final Sessions sessions;

    CommandRunner(Supplier<List<CommandRegistry.Offer>> commands, Sessions sessions) {
        this.commands = commands;
        this.sessions = sessions;
    }

    /** A parsed tree of commands, whose objects are given back at the end. */
    public static final class Tree implements AutoCloseable {
        private final CommandLine line;
        private final Map<HptCommand, CommandRegistry.Offer> made = new IdentityHashMap<>();

        private Tree(CommandLine line) {
            this.line = line;
        }

        public CommandLine line() {
            return line;
        }

        /** Whose command this is; empty when it is one of those that come with hpt. */
        private String owner(CommandLine command) {
            for (CommandLine each = command; each != null; each = each.getParent()) {
                Object object = each.getCommandSpec().userObject();
                if (object instanceof HptCommand && made.containsKey(object)) {
                    return object.getClass().getClassLoader() == CommandRunner.class.getClassLoader() ? ""
                            : made.get(object).owner();
                }
            }
            return "";
        }

        @Override
        public void close() {
            made.forEach((command, offer) -> {
                try {
                    offer.free(command);
                } catch (IllegalStateException gone) {
                    // Its bundle went while it ran.
                }
            });
        }
    }

    /** All commands, for help and completion. */
    public Tree tree(Console console) {
        return tree(console, "");
    }

    private Tree tree(Console console, String only) {
        CommandLine root = new CommandLine(new Hpt(console));
        Tree tree = new Tree(root);
        Set<String> names = new HashSet<>();
        List<CommandRegistry.Offer> offers = commands.get();
        boolean known = !only.equals("help") && offers.stream().anyMatch(offer -> offer.name().equals(only));
        for (CommandRegistry.Offer offer : offers) {
            // Making a command costs milliseconds: where its name is known beforehand, the others are left alone.
            if (known && !offer.name().equals(only)) {
                continue;
            }
            try {
                HptCommand command = offer.make();
                if (command == null) {
                    continue;
                }
                tree.made.put(command, offer);
                CommandLine sub = new CommandLine(command);
                if (names.add(sub.getCommandName())) {
                    root.addSubcommand(sub);
                }
            } catch (RuntimeException | LinkageError | StackOverflowError failure) {
                // One bundle's mistake must not take the others' commands away.
                console.say("warning: a command of " + offer.owner() + " is left out: " + text(failure));
            }
        }
        root.setUsageHelpAutoWidth(true);
        return tree;
    }

    /** The guests that can be seen now, for completion. */
    public List<GuestInfo> guests() {
        return sessions.frontEnd().guests().guests();
    }

    /** Runs the command and gives its exit code. Results go to the console's results; all else to its messages. */
    public int run(List<String> args, Console console) {
        ResultStream results = new ResultStream(console.results());
        try (PrintWriter out = new PrintWriter(new BufferedWriter(
                new OutputStreamWriter(new Uncloseable(results), StandardCharsets.UTF_8), 1 << 15))) {
            int code;
            try (Tree tree = tree(console, commandName(args))) {
                code = executeSafely(tree, args, console, out);
            }
            out.flush();
            return results.failure().isEmpty() ? code : outputFailed(results, console);
        }
    }

    private static int outputFailed(ResultStream results, Console console) {
        if (results.readerGone()) {
            return ExitCodes.READER_GONE;
        }
        console.say("command: standard output: " + results.failure());
        return Reason.FILE.exitCode();
    }

    /** Errors, too, end the command alone: it may be another bundle's code. */
    private int executeSafely(Tree tree, List<String> args, Console console, PrintWriter out) {
        try {
            return execute(tree, args, console, out);
        } catch (Error error) {
            CommandLine root = tree.line();
            CommandLine named = root.getSubcommands().getOrDefault(commandName(args), root);
            return failed(error, named, tree.owner(named), console);
        }
    }

    private int execute(Tree tree, List<String> args, Console console, PrintWriter out) {
        CommandLine line = tree.line();
        line.setOut(out).setErr(new PrintWriter(console.messages(), true))
                .setColorScheme(CommandLine.Help.defaultColorScheme(Ansi.OFF))
                .setParameterExceptionHandler(usage(console))
                .setExecutionExceptionHandler((error, command, parsed) -> failed(error, command, tree.owner(command), console))
                .setExecutionStrategy(this::execute);
        if (console.width() > 0) {
            line.setUsageHelpWidth(Math.max(60, Math.min(console.width(), 120)));
        } else {
            line.setUsageHelpWidth(100);
        }
        return line.execute(args.toArray(String[]::new));
    }

    private int execute(ParseResult parsed) {
        Hpt hpt = (Hpt) parsed.commandSpec().root().userObject();
        Integer help = CommandLine.executeHelpRequest(parsed);
        if (help != null) {
            return help;
        }
        ParseResult last = parsed;
        while (last.hasSubcommand()) {
            last = last.subcommand();
        }
        // A command that only holds others does nothing itself. The user object of a command that is a method is the method.
        Object command = last.commandSpec().userObject();
        if (!(command instanceof Callable || command instanceof Runnable || command instanceof Method)) {
            throw new ParameterException(last.commandSpec().commandLine(), "which command?");
        }
        try {
            sessions.useProfiles(hpt.profiles());
            sessions.useCache(hpt.cache());
        } catch (HptException e) {
            return failed(e, last.commandSpec().commandLine(), "", hpt.console());
        }
        return new CommandLine.RunLast().execute(parsed);
    }

    private static IParameterExceptionHandler usage(Console console) {
        return (error, args) -> {
            CommandLine command = error.getCommandLine();
            String message = error.getMessage();
            String hint = "see hpt help";
            if (command.getParent() != null) {
                hint += " " + command.getCommandSpec().qualifiedName(" ").replaceFirst("^hpt ", "");
            }
            if (!command.getSubcommands().isEmpty() && error instanceof UnmatchedArgumentException unmatched
                    && !unmatched.getUnmatched().isEmpty() && !unmatched.getUnmatched().get(0).startsWith("-")) {
                String word = unmatched.getUnmatched().get(0);
                message = "no command '" + word + "'";
                List<String> near = Suggestions.near(word, command.getSubcommands().keySet());
                if (!near.isEmpty()) {
                    hint = "did you mean " + String.join(" or ", near) + "? " + hint;
                }
            }
            console.say("command: " + message + "; " + hint);
            return Reason.USAGE.exitCode();
        };
    }

    private static String text(Throwable failure) {
        try {
            return failure.toString();
        } catch (RuntimeException | StackOverflowError itsOwnCode) {
            return failure.getClass().getName();
        }
    }

    /** @param owner whose command it is; empty when it is one of those that come with hpt */
    private static int failed(Throwable error, CommandLine command, String owner, Console console) {
        boolean verbose = ((Hpt) command.getCommandSpec().root().userObject()).verbose();
        int code;
        if (error instanceof InterruptedCommand || error instanceof CancellationException) {
            return ExitCodes.INTERRUPTED;
        } else if (error instanceof HptException known) {
            console.say(known.getMessage());
            code = known.reason().exitCode();
        } else if (!owner.isEmpty()) {
            console.say("command: " + command.getCommandName() + ": " + owner + " failed: " + text(error)
                    + "; update or remove that bundle, or report this to who made it; hpt plugins names its file");
            code = Reason.PLUGIN_FAILED.exitCode();
        } else {
            console.say("command: " + command.getCommandName() + ": unexpected " + text(error)
                    + (verbose ? "" : "; please report this with what --verbose prints"));
            code = Reason.INTERNAL.exitCode();
        }
        if (verbose) {
            for (Throwable cause = error; cause != null; cause = cause.getCause()) {
                console.messages().println((cause == error ? "" : "caused by ") + SafeText.of(text(cause)));
                for (StackTraceElement element : cause.getStackTrace()) {
                    console.messages().println("    at " + element);
                }
            }
        }
        return code;
    }

    /** Whether these words name no command and ask for nothing, so that a shell is wanted that reads commands. */
    static boolean startsShell(List<String> args) {
        for (int i = 0; i < args.size(); i++) {
            if (args.get(i).equals("--profiles") && i + 1 < args.size()) {
                i++;
            } else if (!args.get(i).equals("--verbose") && !args.get(i).equals("--no-cache") && !args.get(i).startsWith("--profiles=")) {
                return false;
            }
        }
        return true;
    }

    /** The first word that is neither an option nor an option's value; empty when there is none. */
    private static String commandName(List<String> args) {
        for (int i = 0; i < args.size(); i++) {
            if (args.get(i).equals("--profiles")) {
                i++;
            } else if (!args.get(i).startsWith("-")) {
                return args.get(i);
            }
        }
        return "";
    }
}
