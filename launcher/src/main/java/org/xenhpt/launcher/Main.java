// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToIntFunction;

/**
 * Starts the platform, hands it the arguments, and ends with the exit code it gives.
 */
public final class Main {
    /** As EX_SOFTWARE of sysexits.h: the platform itself does not come up. */
    private static final int CANNOT_START = 70;

    private Main() {
    }

    public static void main(String[] args) {
        // Libraries that print to standard output must not get into the results, which go to the file descriptor itself.
        PrintStream messages = System.err;
        System.setOut(messages);
        System.exit(run(args, messages));
    }

    private static int run(String[] args, PrintStream messages) {
        Settings settings;
        try {
            settings = Settings.read(Path.of(System.getProperty("hpt.home", ".")), System.getenv(), List.of(args));
        } catch (StartException e) {
            messages.println("hpt: start: " + e.getMessage());
            return CANNOT_START;
        }
        settings.loggingProperties().forEach(Main::setIfAbsent);
        try (Platform platform = new Platform(settings)) {
            ToIntFunction<String[]> shell = platform.start();
            platform.problems().forEach(problem -> messages.println("hpt: warning: start: " + problem));
            return shell.applyAsInt(args);
        } catch (StartException e) {
            messages.println("hpt: start: " + e.getMessage());
            return CANNOT_START;
        }
    }

    private static void setIfAbsent(String key, String value) {
        if (System.getProperty(key) == null) {
            System.setProperty(key, value);
        }
    }
}
