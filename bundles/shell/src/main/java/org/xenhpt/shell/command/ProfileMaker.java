// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileImporter;
import org.xenhpt.shell.Console;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.ProgressLine;
import org.xenhpt.shell.Sessions;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** Makes a profile and writes it. */
final class ProfileMaker {
    /** What {@code hpt profile make} can be told. */
    static final class Options {
        @Parameters(arity = "0..1", paramLabel = "GUEST", defaultValue = "",
                description = "The guest whose memory to read: SCHEME:NAME, or the path of a memory image.")
        private String guest = "";

        @Option(names = "--from", paramLabel = "FILE", arity = "1..*", description = "Files to make it from instead.")
        private List<Path> from = List.of();

        @Option(names = {"-o", "--output"}, paramLabel = "FILE",
                description = "Where to write it; without this, to the profiles folder, named by the release.")
        private Path output;

        @Option(names = "--stdout", description = "Write it to standard output.")
        private boolean stdout;

        @Option(names = "--force", description = "Write over an existing file.")
        private boolean force;

        @Option(names = "--release", paramLabel = "RELEASE", defaultValue = "",
                description = "The kernel's release (uname -r), where the files do not tell it.")
        private String release = "";

        @Option(names = "--banner", paramLabel = "TEXT", defaultValue = "",
                description = "The kernel's banner (/proc/version), where the files do not tell it.")
        private String banner = "";

        @Option(names = "--build-id", paramLabel = "HEX", defaultValue = "",
                description = "The kernel's GNU build id, where the files do not tell it.")
        private String buildId = "";

        @Option(names = "--also", paramLabel = "NAME", split = ",", description = {"What to write besides what is"
                + " needed: symbols, or * for all; members as STRUCT.MEMBER, STRUCT.* or *.* for all. What is inferred"
                + " has no more than was found."})
        private List<String> also = List.of();

        @Option(names = "--origin", paramLabel = "TEXT", defaultValue = "",
                description = "Where the files come from, for people; without this, the files' names.")
        private String comesFrom = "";

        @Option(names = "--arch", paramLabel = "ARCH", converter = ArchitectureName.class,
                description = "The kernel's architecture, x86-64 or i386, where the files do not tell it.")
        private Architecture architecture;

        private Needs alsoNeeds() {
            return new Needs(also.stream().filter(name -> !name.contains(".")).collect(Collectors.toSet()),
                    also.stream().filter(name -> name.contains(".")).collect(Collectors.toSet()));
        }

        /** Names that were asked for and are not there; of {@code *} nothing is missed. */
        private List<String> missingFrom(Profile profile) {
            return also.stream().filter(name -> !name.equals("*") && !name.startsWith("*.")).filter(name -> {
                int dot = name.indexOf('.');
                if (dot < 0) {
                    return !profile.symbols().containsKey(name);
                }
                String struct = name.substring(0, dot);
                return name.endsWith(".*") ? !profile.structs().containsKey(struct)
                        : profile.member(struct, name.substring(dot + 1)).isEmpty();
            }).toList();
        }
    }

    /** Reads an architecture as hpt prints it. */
    static final class ArchitectureName implements ITypeConverter<Architecture> {
        @Override
        public Architecture convert(String text) {
            for (Architecture architecture : Architecture.values()) {
                if (architecture.label().equalsIgnoreCase(text.replace('_', '-')) || text.equals("amd64")
                        && architecture == Architecture.X86_64) {
                    return architecture;
                }
            }
            throw new TypeConversionException("'" + text + "' is neither x86-64 nor i386");
        }
    }

    private final Sessions sessions;
    private final List<ProfileImporter> importers;
    private final Console console;
    private final PrintWriter out;

    ProfileMaker(Sessions sessions, List<ProfileImporter> importers, Console console,
            PrintWriter out) {
        this.sessions = sessions;
        this.importers = importers;
        this.console = console;
        this.out = out;
    }

    int make(Options options) {
        if (options.guest.isEmpty() == options.from.isEmpty()) {
            throw new HptException(Step.COMMAND, Reason.USAGE, "profile make", options.from.isEmpty()
                    ? "neither a guest nor files are named" : "a guest and files are named")
                    .next("write hpt profile make GUEST, or hpt profile make --from FILE...");
        }
        Profile profile = complete(options.from.isEmpty() ? fromGuest(options) : fromFiles(options), options);
        List<String> missing = options.missingFrom(profile);
        if (!missing.isEmpty()) {
            console.say("warning: not found by " + profile.origin().source() + ": " + String.join(", ", missing));
        }
        if (options.stdout) {
            print(profile);
            return ExitCodes.OK;
        }
        Path file = options.output != null ? options.output
                : sessions.store().folder().resolve(ProfileFiles.nameFor(profile.kernel().release()));
        if (Files.exists(file) && !options.force) {
            throw new HptException(Step.PROFILE, Reason.FILE, file.toString(), "is there already")
                    .next("give another with -o FILE, or write over it with --force");
        }
        sessions.store().write(profile, file);
        console.say("wrote " + file + ": " + profile.symbols().size() + " symbols, " + profile.structs().size()
                + " structures of " + profile.kernel().release() + inWords(profile.origin()));
        return ExitCodes.OK;
    }

    private static String inWords(Origin origin) {
        return origin.confidence() < 1 ? ", by " + origin.source() + ": NOT CERTAIN, confidence " + origin.confidence()
                : "";
    }

    private Profile fromGuest(Options options) {
        try (ProgressLine progress = new ProgressLine(console);
                Sessions.Lease lease = sessions.attach(GuestCommand.uri(options.guest, sessions), progress)) {
            return lease.session().learn(options.alsoNeeds(), progress);
        }
    }

    private Profile fromFiles(Options options) {
        List<Path> files = options.from;
        Needs needs = sessions.frontEnd().needs().and(Needs.RECOGNITION).and(options.alsoNeeds());
        List<Profile> parts = new ArrayList<>();
        for (Path file : files) {
            if (!Files.isRegularFile(file)) {
                throw new HptException(Step.PROFILE, Reason.FILE, file.toString(), "no such file");
            }
            ProfileImporter importer = importers.stream().filter(each -> each.accepts(file)).findFirst()
                    .orElseThrow(() -> new HptException(Step.PROFILE, Reason.FILE, file.toString(),
                            "is of no format that is known").next("the formats are " + String.join(", ",
                                    importers.stream().map(ProfileImporter::format).sorted().toList())));
            parts.add(importer.read(file, needs));
        }
        return parts.stream().reduce(Profile::merge).orElseThrow();
    }

    /** Adds what the user said of the kernel, and checks that it can be recognised. */
    private static Profile complete(Profile profile, Options options) {
        KernelMatch told = profile.kernel();
        String release = options.release.isEmpty() ? told.release() : options.release;
        String banner = options.banner.isEmpty() ? told.banner() : options.banner.strip();
        String buildId = options.buildId.isEmpty() ? told.buildId() : options.buildId;
        if (release.isEmpty() && banner.startsWith("Linux version ")) {
            release = banner.substring("Linux version ".length()).split(" ", 2)[0];
        }
        if (release.isEmpty()) {
            throw missing("release", "--release RELEASE (uname -r)");
        }
        boolean recognisable = profile.symbols().keySet().containsAll(List.of("linux_banner", "init_task"));
        if (banner.isEmpty() && buildId.isEmpty() && !recognisable) {
            throw missing("banner or build id, by which its build is recognised", "--banner \"$(cat /proc/version)\"");
        }
        KernelMatch kernel = new KernelMatch(options.architecture != null ? options.architecture : told.architecture(),
                release, banner, buildId);
        String name = profile.name().isEmpty() || options.guest.isEmpty() ? release : profile.name();
        Origin made = profile.origin();
        Origin origin = options.comesFrom.isEmpty() ? made
                : new Origin(made.source(), options.comesFrom, made.made(), made.confidence());
        return new Profile(name, kernel, origin, profile.symbols(), profile.structs(), profile.constants());
    }

    private static HptException missing(String what, String option) {
        return new HptException(Step.COMMAND, Reason.USAGE, "profile make", "the files do not tell the kernel's " + what)
                .next("give it with " + option);
    }

    private void print(Profile profile) {
        try {
            Path file = Files.createTempFile("hpt-", ".yaml");
            try {
                sessions.store().write(profile, file);
                out.print(Files.readString(file));
            } finally {
                Files.deleteIfExists(file);
            }
        } catch (IOException e) {
            throw new HptException(Step.PROFILE, Reason.FILE, "standard output", "cannot be written: " + e.getMessage(), e);
        }
    }
}
