// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ServiceScope;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileImporter;
import org.xenhpt.api.profile.ProfileProblem;
import org.xenhpt.api.profile.ProfileStore;
import org.xenhpt.shell.Console;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.Hpt;
import org.xenhpt.shell.Sessions;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;
import org.xenhpt.shell.table.SafeText;
import org.xenhpt.shell.table.Table;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code hpt profile}: makes, lists, shows and checks profiles. */
@Component(service = HptCommand.class, scope = ServiceScope.PROTOTYPE, property = "hpt.command=profile")
@Command(name = "profile", synopsisSubcommandLabel = "COMMAND",
        description = "Makes, lists, shows and checks profiles: what is known of kernel builds.")
public final class ProfileCommand implements HptCommand {
    @ParentCommand
    private Hpt hpt;

    @Spec
    private CommandSpec spec;

    private final Sessions sessions;
    private final List<ProfileImporter> importers;

    @Activate
    public ProfileCommand(@Reference Sessions sessions,
            @Reference(cardinality = ReferenceCardinality.MULTIPLE) List<ProfileImporter> importers) {
        this.sessions = sessions;
        this.importers = importers;
    }

    private Console console() {
        return hpt.console();
    }

    private ProfileStore store() {
        return sessions.store();
    }

    @Command(name = "list", description = "Lists the profiles of the profiles folders, also the broken ones.")
    int list(@Mixin OutputOptions output) {
        List<Column<ProfileStore.Entry>> columns = List.of(
                Column.left("release", "RELEASE", "kernel release", entry -> entry.profile()
                        .map(profile -> Cell.text(profile.kernel().release())).orElse(Cell.UNKNOWN)),
                Column.left("architecture", "ARCH", "architecture", entry -> entry.profile()
                        .map(profile -> Cell.text(profile.kernel().architecture().label())).orElse(Cell.UNKNOWN)),
                Column.left("buildId", "BUILD-ID", "GNU build id", entry -> entry.profile()
                        .map(profile -> Cell.text(profile.kernel().buildId())).orElse(Cell.UNKNOWN)),
                Column.left("origin", "ORIGIN", "where the knowledge comes from", entry -> entry.profile()
                        .map(profile -> Cell.text(profile.origin().source())).orElse(Cell.UNKNOWN)),
                Column.left("file", "FILE", "the file", entry -> Cell.text(fileName(entry.file()))),
                Column.left("problems", "PROBLEMS", "what is wrong with it", entry -> new Cell.Text(
                        String.join("; ", entry.problems().stream().map(ProfileCommand::brief).toList()))));
        List<ProfileStore.Entry> entries = store().list();
        output.write(Table.of(columns, entries), spec, console());
        if (entries.isEmpty()) {
            console().say("no profiles in " + folders());
        }
        return ExitCodes.OK;
    }

    /** The name alone where all files are in one folder. */
    private String fileName(Path file) {
        return store().folders().size() == 1 ? file.getFileName().toString() : file.toString();
    }

    private String folders() {
        return String.join(", ", store().folders().stream().map(Path::toString).toList());
    }

    private static String brief(ProfileProblem problem) {
        return (problem.line() > 0 ? "line " + problem.line() + ": " : "") + problem.message();
    }

    @Command(name = "show", description = "Shows what a profile says.")
    int show(@Parameters(paramLabel = "NAME|FILE", description = "A kernel release or a profile's name in the folder, or a "
            + "file.") String name, @Mixin OutputOptions output) {
        ProfileStore.Entry entry = find(name);
        Profile profile = entry.profile().orElseThrow(() -> broken(entry));
        output.write(new Table<>(ProfileRows.SHOWN, ProfileRows.COLUMNS, ProfileRows.of(profile)), spec, console());
        entry.problems().forEach(problem -> console().say("warning: " + problem));
        return ExitCodes.OK;
    }

    private ProfileStore.Entry find(String name) {
        for (ProfileStore.Entry entry : store().list()) {
            String file = entry.file().getFileName().toString();
            boolean named = file.equals(name) || file.equals(name + ".yaml") || entry.profile()
                    .filter(profile -> profile.name().equals(name) || profile.kernel().release().equals(name)).isPresent();
            if (named) {
                return entry;
            }
        }
        Path file = Path.of(name);
        if (!Files.isRegularFile(file)) {
            throw new HptException(Step.PROFILE, Reason.FILE, name, "no such profile in " + folders()
                    + ", and no such file").next("hpt profile list lists them");
        }
        return store().read(file);
    }

    private static HptException broken(ProfileStore.Entry entry) {
        return new HptException(Step.PROFILE, Reason.BAD_PROFILE, entry.file().toString(), entry.problems().isEmpty()
                ? "cannot be read" : entry.problems().get(0).toString())
                .next("hpt profile check " + entry.file() + " tells all that is wrong");
    }

    @Command(name = "check", description = "Checks profiles and prints what is wrong as FILE:LINE:COLUMN: MESSAGE.")
    int check(@Parameters(arity = "0..*", paramLabel = "FILE|DIR", description = "What to check; without any, the profiles "
            + "folders.") List<Path> paths) {
        List<Path> files = new ArrayList<>();
        for (Path path : paths == null || paths.isEmpty() ? store().folders() : paths) {
            files.addAll(ProfileFiles.at(path));
        }
        int problems = 0;
        for (Path file : files) {
            for (ProfileProblem problem : store().read(file).problems()) {
                spec.commandLine().getOut().println(SafeText.of(problem.toString()));
                problems++;
            }
        }
        console().say(files.size() + (files.size() == 1 ? " profile" : " profiles") + " checked, "
                + (problems == 0 ? "nothing wrong" : problems + (problems == 1 ? " problem" : " problems")));
        return problems == 0 ? ExitCodes.OK : Reason.BAD_PROFILE.exitCode();
    }

    /** {@code hpt profile make}. */
    @Command(name = "make", description = "Makes a profile: from a guest's own memory, or from files that others made.",
            footer = {"", "Files are told apart by what is in them: BTF, System.map or /proc/kallsyms text, Volatility 3 "
                    + "ISF JSON, Volatility 2 profile zip. Several are put together: layouts from one, symbols from another."})
    int make(@Mixin ProfileMaker.Options options) {
        return new ProfileMaker(sessions, importers, console(), spec.commandLine().getOut()).make(options);
    }
}
