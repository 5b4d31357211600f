// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.xenhpt.api.command.Commands;
import org.xenhpt.api.error.Reason;

/** The commands, for shells that other bundles bring. */
@Component
public class ForOtherShells implements Commands {
    private final Path home;
    private final CommandRunner runner;
    private final Sessions sessions;
    private final AtomicBoolean keeps = new AtomicBoolean();

    @Activate
    public ForOtherShells(BundleContext context, @Reference CommandRegistry registry, @Reference Sessions sessions) {
        String folder = context.getProperty("hpt.home");
        home = Path.of(folder == null ? "" : folder);
        runner = new CommandRunner(registry::offers, sessions);
        this.sessions = sessions;
    }

    @Override
    public int run(List<String> words, InputStream in, OutputStream results, PrintStream messages) {
        if (!keeps.getAndSet(true)) {
            sessions.keep();
        }
        Console console = new Console(in, results, messages, false, false, false, 0, home, System.getenv());
        if (CommandRunner.startsShell(words)) {
            console.say("command: which command? see hpt help");
            return Reason.USAGE.exitCode();
        }
        return runner.run(words, console);
    }
}
