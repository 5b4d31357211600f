// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The command {@code hpt} itself: what all commands have in common. */
@Command(name = "hpt", description = "Shows the processes inside a running guest, from outside.",
        versionProvider = Version.class, usageHelpAutoWidth = true,
        synopsisSubcommandLabel = "COMMAND",
        footer = {"", "A GUEST is SCHEME:NAME (xen:web1, qemu:/run/vm.qmp, file:dump.elf) or the path of a memory image:",
                "raw, ELF core, core of xl dump-core, kdump-compressed or LiME.",
            "hpt help COMMAND tells of a command, hpt help exit-codes of exit codes, hpt help json of the JSON."})
public final class Hpt {
    @Option(names = {"-h", "--help"}, usageHelp = true, scope = ScopeType.INHERIT,
            description = "Show this help.")
    private boolean help;

    @Option(names = {"-V", "--version"}, versionHelp = true, description = "Show the version.")
    private boolean version;

    @Option(names = "--profiles", paramLabel = "DIR", scope = ScopeType.INHERIT,
            description = "Use the profiles in this folder instead of the distribution's (also: HPT_PROFILES).")
    private Path profiles;

    @Option(names = "--no-cache", scope = ScopeType.INHERIT,
            description = "Neither use nor keep what was learnt of kernels before (also: HPT_CACHE=off; hpt.cache in "
                    + "conf/hpt.properties names the folder).")
    private boolean noCache;

    @Option(names = "--verbose", scope = ScopeType.INHERIT,
            description = "Tell more on standard error; of an error, where it came from.")
    private boolean verbose;

    private final Console console;

    Hpt(Console console) {
        this.console = console;
    }

    public Console console() {
        return console;
    }

    public boolean verbose() {
        return verbose;
    }

    /** Whether this call may use and keep what was learnt. */
    public boolean cache() {
        return !noCache && !console.environment().getOrDefault("HPT_CACHE", "").equals("off");
    }

    /** The profiles folder that this call wants; empty when it wants the distribution's. */
    Optional<Path> profiles() {
        Path wanted = profiles;
        String variable = console.environment().getOrDefault("HPT_PROFILES", "");
        if (wanted == null && !variable.isEmpty()) {
            wanted = Path.of(variable);
        }
        if (wanted == null) {
            return Optional.empty();
        }
        if (!Files.isDirectory(wanted)) {
            throw new HptException(Step.COMMAND, Reason.FILE, wanted.toString(), "is not a folder")
                    .next("name a folder of profiles with --profiles or HPT_PROFILES");
        }
        return Optional.of(wanted);
    }
}
