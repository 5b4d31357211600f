// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.frontend.FrontEnd;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.kernel.Attempt;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Gap;
import org.xenhpt.api.process.Location;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileImporter;
import org.xenhpt.api.profile.ProfileProblem;
import org.xenhpt.api.profile.ProfileStore;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.shell.command.CurrentCommand;
import org.xenhpt.shell.command.GuestsCommand;
import org.xenhpt.shell.command.HelpCommand;
import org.xenhpt.shell.command.IdentifyCommand;
import org.xenhpt.shell.command.LocateCommand;
import org.xenhpt.shell.command.PluginsCommand;
import org.xenhpt.shell.command.ProfileCommand;
import org.xenhpt.shell.command.PsCommand;
import org.xenhpt.shell.command.TreeCommand;

/** The shell with a front end and profiles that say what a test tells them to. */
public final class FakePlatform implements FrontEnd, Session, ProfileStore {
    public static final long BOOT = 1_700_000_000L * 1_000_000_000L;

    public final List<Task> tasks = new ArrayList<>();
    public final List<Gap> gaps = new ArrayList<>();
    public final List<CurrentTask> current = new ArrayList<>();
    public final List<Location> location = new ArrayList<>();
    public final List<Finding> findings = new ArrayList<>();
    public final List<GuestInfo> guests = new ArrayList<>();
    public final List<HptException> listingFailures = new ArrayList<>();
    public final List<ProfileImporter> importers = new ArrayList<>();
    public final List<GuestUri> attached = new ArrayList<>();
    public final List<TaskQuery> queries = new ArrayList<>();
    public final List<Needs> wanted = new ArrayList<>();
    public Optional<Profile> learnt = Optional.empty();
    public final Map<Path, Entry> profiles = new HashMap<>();
    public final Map<Path, Profile> written = new HashMap<>();
    public final Map<String, String> environment = new HashMap<>();
    public Optional<HptException> problem = Optional.empty();
    public Optional<RuntimeException> failure = Optional.empty();
    public double confidence = 1;
    public final List<Attempt> ladder = new ArrayList<>();
    public final List<String> news = new ArrayList<>();
    public long boot = BOOT;
    public int closed;
    public int refreshed;
    public Optional<HptException> staleness = Optional.empty();
    public boolean watched;
    public Path folder = Path.of("profiles");
    public Path home = Path.of("/nonexistent");
    public int width;
    public boolean registersRead;
    public OutputStream results = new ByteArrayOutputStream();
    public final ByteArrayOutputStream messages = new ByteArrayOutputStream();
    public final Sessions sessions = new Sessions();
    private final List<Function<Sessions, HptCommand>> more = new ArrayList<>();

    public FakePlatform() {
        sessions.bindFrontEnd(this);
        sessions.bindStore(this);
    }

    public void add(HptCommand command) {
        more.add(any -> command);
    }

    private static CommandRegistry.Offer offer(String name, HptCommand command) {
        return new CommandRegistry.Offer() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public HptCommand make() {
                return command;
            }

            @Override
            public void free(HptCommand used) {
                // Nothing to give back.
            }
        };
    }

    public CommandRunner runner() {
        return new CommandRunner(() -> {
            List<CommandRegistry.Offer> offers = new ArrayList<>(List.of(offer("ps", new PsCommand(sessions)),
                    offer("tree", new TreeCommand(sessions)), offer("identify", new IdentifyCommand(sessions)),
                    offer("current", new CurrentCommand(sessions)), offer("locate", new LocateCommand(sessions)), offer("guests", new GuestsCommand(sessions)),
                    offer("profile", new ProfileCommand(sessions, importers)),
                    offer("plugins", new PluginsCommand(null, null)), offer("help", new HelpCommand())));
            more.forEach(each -> offers.add(offer("", each.apply(sessions))));
            return offers;
        }, sessions);
    }

    public Console console(String input) {
        return new Console(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)), results,
                new PrintStream(messages, true, StandardCharsets.UTF_8), false, false, false, width, home, environment);
    }

    /** Runs a command line and gives its exit code. */
    public int hpt(String... args) {
        return runner().run(List.of(args), console(""));
    }

    public String out() {
        return ((ByteArrayOutputStream) results).toString(StandardCharsets.UTF_8);
    }

    public String err() {
        return messages.toString(StandardCharsets.UTF_8);
    }

    public static Task task(int pid, int ppid, String name) {
        return new Task(0xffff888000000000L + pid * 0x1000L, pid, pid, ppid, 'S', 1000, 100, pid * 1_000_000_000L,
                61_500_000_000L, name, false);
    }

    @Override
    public Listing guests() {
        return new Listing(guests, listingFailures);
    }

    @Override
    public List<String> schemes() {
        return List.of("file", "qemu");
    }

    @Override
    public Needs needs() {
        return Needs.NONE;
    }

    @Override
    public double confidence() {
        return confidence;
    }

    @Override
    public List<Attempt> ladder() {
        return ladder;
    }

    @Override
    public List<String> news() {
        return news;
    }

    @Override
    public Session attach(GuestUri guest, Progress progress) {
        attached.add(guest);
        return this;
    }

    @Override
    public Guest guest() {
        throw new UnsupportedOperationException();
    }

    @Override
    public KernelIdentity identity() {
        throw new UnsupportedOperationException();
    }

    @Override
    public AddressSpace space() {
        throw new UnsupportedOperationException();
    }

    @Override
    public Optional<Kernel> kernel() {
        return Optional.empty();
    }

    @Override
    public Optional<String> decoder() {
        return Optional.empty();
    }

    @Override
    public Optional<HptException> problem() {
        return problem;
    }

    @Override
    public List<Finding> findings() {
        return findings;
    }

    @Override
    public ProcessTable processes(TaskQuery query) {
        queries.add(query);
        failure.ifPresent(error -> {
            throw error;
        });
        return new ProcessTable(tasks.stream().filter(task -> query.threads() || task.isProcess()).toList(), gaps, 1, boot);
    }

    @Override
    public List<CurrentTask> current(boolean registers) {
        registersRead = registers;
        return current;
    }

    @Override
    public Location locate(int vcpu) {
        return location.get(vcpu);
    }

    @Override
    public Profile learn(Needs also, Progress progress) {
        wanted.add(also);
        return learnt.orElseThrow();
    }

    @Override
    public void close() {
        closed++;
    }

    @Override
    public Path folder() {
        return folder;
    }

    @Override
    public void use(Path other) {
        folder = other;
    }

    @Override
    public void watch() {
        watched = true;
    }

    @Override
    public void refresh() {
        refreshed++;
        staleness.ifPresent(stale -> {
            throw stale;
        });
    }

    @Override
    public List<Entry> list() {
        return profiles.values().stream().toList();
    }

    @Override
    public Entry read(Path file) {
        return profiles.getOrDefault(file, new Entry(file, Optional.empty(),
                List.of(new ProfileProblem(file.toString(), 3, 7, "is not YAML"))));
    }

    @Override
    public void write(Profile profile, Path file) {
        if (file.endsWith("unwritable.yaml")) {
            throw new HptException(Step.PROFILE, Reason.FILE, file.toString(), "cannot be written");
        }
        written.put(file, profile);
    }
}
