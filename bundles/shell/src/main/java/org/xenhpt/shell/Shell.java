// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToIntFunction;
import org.osgi.framework.BundleContext;
import org.osgi.framework.InvalidSyntaxException;
import org.osgi.framework.ServiceReference;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.xenhpt.shell.interactive.Interactive;
import org.xenhpt.shell.interactive.Script;

/** What the launcher calls: takes the words after {@code hpt} and gives the exit code. */
@Component(service = ToIntFunction.class, property = "hpt.main:Boolean=true")
public class Shell implements ToIntFunction<String[]> {
    private final BundleContext context;
    private final CommandRegistry registry;
    private final Sessions sessions;

    @Activate
    public Shell(BundleContext context, @Reference CommandRegistry registry, @Reference Sessions sessions) {
        this.context = context;
        this.registry = registry;
        this.sessions = sessions;
    }

    @Override
    public int applyAsInt(String[] args) {
        Console console = console();
        CommandRunner runner = new CommandRunner(registry::offers, sessions);
        List<String> words = Arrays.asList(args);
        if (!CommandRunner.startsShell(words)) {
            return runner.run(words, console);
        }
        sessions.keep();
        startExtras();
        return console.inputTty() && console.resultsTty() ? new Interactive(runner, console, words).run()
                : new Script(runner, console, words).run();
    }

    private Console console() {
        String tty = property("hpt.tty");
        int width = 0;
        try {
            width = Integer.parseInt(property("hpt.columns"));
        } catch (NumberFormatException e) {
            // Not told, or not a terminal: lines are left whole.
        }
        return new Console(System.in, new FileOutputStream(FileDescriptor.out), System.err, tty.contains("0"),
                tty.contains("1"), tty.contains("2"), tty.contains("1") ? width : 0, Path.of(property("hpt.home")),
                System.getenv());
    }

    private String property(String name) {
        String value = context.getProperty(name);
        return value == null ? "" : value;
    }

    /** Asks the launcher for the bundles that only a shell which stays up needs: line editing, the deploy folder. */
    private void startExtras() {
        try {
            for (ServiceReference<Runnable> extras : context.getServiceReferences(Runnable.class, "(hpt.extras=true)")) {
                context.getService(extras).run();
            }
        } catch (InvalidSyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
