// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.ToIntBiFunction;
import java.util.function.ToIntFunction;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.process.Gap;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.shell.Console;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.Hpt;
import org.xenhpt.shell.ProgressLine;
import org.xenhpt.shell.Sessions;
import org.xenhpt.shell.table.Format;
import org.xenhpt.shell.table.Table;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** What the commands that ask one guest have in common. */
abstract class GuestCommand implements HptCommand, Callable<Integer> {
    @ParentCommand
    private Hpt hpt;

    @Spec
    private CommandSpec spec;

    @Mixin
    private OutputOptions output;

    @Parameters(arity = "0..1", paramLabel = "GUEST", defaultValue = "",
            description = "SCHEME:NAME, or the path of a memory image. Without it: the sample that comes with hpt.")
    private String guest;

    /** These end by themselves, or when a file or a bundle is added. */
    private static final Set<Reason> WORTH_WAITING = EnumSet.of(Reason.NO_PROFILE, Reason.NO_DECODER, Reason.BAD_PROFILE,
            Reason.NOT_UP);

    private final Sessions sessions;

    GuestCommand(Sessions sessions) {
        this.sessions = sessions;
    }

    final Console console() {
        return hpt.console();
    }

    final boolean verbose() {
        return hpt.verbose();
    }

    final CommandSpec spec() {
        return spec;
    }

    /** Whether people are answered, not programs. */
    final boolean isText() {
        return output.format() == Format.TEXT;
    }

    final void print(Table<?> table) {
        output.write(table, spec, console());
    }

    final <R> void print(Table<R> table, RepeatOptions.Listing listing) {
        output.write(table, listing, spec, console());
    }

    /** As {@link #ask}, once or as often as the options say. */
    final int ask(RepeatOptions repeat, ToIntBiFunction<Session, RepeatOptions.Listing> question) {
        repeat.check();
        if (repeat.isOn()) {
            sessions.watch();
        }
        String[] said = {""};
        return ask(session -> repeat.run(new RepeatOptions.Reader() {
            @Override
            public int failed(HptException failure) {
                if (!WORTH_WAITING.contains(failure.reason())) {
                    throw failure;
                }
                if (!failure.getMessage().equals(said[0])) {
                    said[0] = failure.getMessage();
                    console().say("waiting: " + said[0]);
                }
                return failure.reason().exitCode();
            }

            @Override
            public boolean there() {
                session.news().forEach(console()::say);
                // Also flushes, so that each listing is seen when it is made.
                return !spec.commandLine().getOut().checkError();
            }

            @Override
            public void told(RepeatOptions.Summary summary) {
                if (verbose()) {
                    console().say(summary.toString());
                }
            }
        }, listing -> {
            int code = question.applyAsInt(session, listing);
            said[0] = "";
            return code;
        }));
    }

    /** Attaches to the guest that the command names, and asks. */
    final int ask(ToIntFunction<Session> question) {
        GuestUri uri = guest.isEmpty() ? sample() : uri(guest, sessions);
        try (ProgressLine progress = new ProgressLine(console());
                Sessions.Lease lease = sessions.attach(uri, progress)) {
            progress.erase();
            lease.session().kernel().ifPresent(kernel -> sayHowSure(kernel.profile().origin()));
            try {
                return question.applyAsInt(lease.session());
            } catch (HptException e) {
                // One whose guest is not up yet knows what the guest ran before: what is left of that deceives it no more.
                // One that waits for a profile or a decoder need not identify the kernel again.
                if (!WORTH_WAITING.contains(e.reason())) {
                    sessions.drop(lease.session());
                }
                throw e;
            } finally {
                lease.session().news().forEach(console()::say);
            }
        }
    }

    private void sayHowSure(Origin origin) {
        if (origin.confidence() < 1) {
            console().say("note: the kernel's structures were inferred, confidence " + origin.confidence()
                    + "; hpt identify tells on what it rests");
        }
    }

    private GuestUri sample() {
        Path folder = console().home().resolve("sample");
        for (String name : List.of("sample.kdump", "sample.elf", "sample.raw")) {
            Path file = folder.resolve(name);
            if (Files.exists(file)) {
                console().say("no guest named: this is the sample image " + file);
                return new GuestUri("file", file.toString());
            }
        }
        throw new HptException(Step.COMMAND, Reason.USAGE, "", "no guest named, and there is no sample image in " + folder)
                .next("name a guest: hpt guests lists those that can be seen");
    }

    /** The guest that a word means: an existing file, or else a URI. */
    static GuestUri uri(String word, Sessions sessions) {
        try {
            if (Files.exists(Path.of(word))) {
                return new GuestUri("file", word);
            }
        } catch (InvalidPathException e) {
            // Not a path: then it is a URI, or wrong.
        }
        if (word.indexOf(':') <= 0) {
            throw new HptException(Step.COMMAND, Reason.NO_SUCH_GUEST, word, "no such file")
                    .next("write SCHEME:NAME with one of the schemes " + String.join(", ", sessions.frontEnd().schemes())
                            + ", or the path of a memory image; hpt guests lists the guests that can be seen");
        }
        return GuestUri.parse(word);
    }

    /** Tells what is missing from an answer, and gives the exit code for it. */
    final int warn(ProcessTable table) {
        for (Gap gap : table.gaps()) {
            console().say("warning: " + gap.where() + ": " + gap.why());
        }
        if (verbose() && table.readings() > 1) {
            console().say("the list was read " + table.readings() + " times until it agreed with itself");
        }
        return table.gaps().isEmpty() ? ExitCodes.OK : ExitCodes.GAPS;
    }
}
