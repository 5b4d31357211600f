// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.kernel.Clue;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentifier;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileCache;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.profile.ProfileStore;
import org.xenhpt.api.profile.StructLayout;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.translation.X86Translator;

/** A guest is attached to for the second time: its kernel is not searched for, and one that runs no more not believed. */
class LadderTest {
    private static final long OTHER_AT = 0x100000;
    private static final GuestUri URI = GuestUri.parse("fake:guest");
    private static final long IMAGE_GPA = 16 << 20;
    private static final long CLOCK_AT = 0x31000;
    private static final int SECONDS_AT = 8;
    private static final String PLACE = "here";

    private final FakeLinux linux = new FakeLinux(true);
    private boolean live = true;
    private String stamp = "";
    private long host = 1_700_000_000_250L;
    private int searches;
    private int looks;
    private int learnt;
    private int givenBack;
    private boolean stillThere = true;
    private boolean known = true;
    private boolean otherFirst;
    private int confirmed;
    private boolean holds = true;
    private final List<Profile> kept = new ArrayList<>();
    private long first;
    private final Map<GuestUri, String> notes = new HashMap<>();
    private Profile profile;

    @BeforeEach
    void aClock() {
        KernelIdentity identity = linux.kernel().identity();
        Profile bare = linux.kernel().profile();
        Map<String, Long> symbols = new HashMap<>(bare.symbols());
        symbols.put("timekeeper", identity.imageStart() - identity.kaslrOffset() + CLOCK_AT);
        Map<String, StructLayout> structs = new HashMap<>(bare.structs());
        structs.put("timekeeper", new StructLayout(64, Map.of("xtime_sec", new Member(SECONDS_AT, 8, "u64"))));
        profile = new Profile("fake", bare.kernel(), bare.origin(), symbols, structs, Map.of());
        first = linux.process(1, linux.initTask(), 0, "init");
        clock(1_700_000_000);
    }

    /** The kernel that is met first, without a process: only its idle task. */
    private void other(long seconds) {
        otherFirst = true;
        AddressSpace space = new X86Translator().open(linux.memory(), linux.kernel().identity().paging(),
                linux.kernel().identity().rootGpa());
        long head = linux.initTask() + profile.member("task_struct", "tasks").orElseThrow().offset() + OTHER_AT;
        linux.memory().putLong(space.translate(head), head);
        linux.memory().putLong(IMAGE_GPA + CLOCK_AT + OTHER_AT + SECONDS_AT, seconds);
    }

    private static List<String> others(Attached attached) {
        return attached.findings().stream().filter(finding -> finding.what().equals("other kernel")).map(Finding::how).toList();
    }

    private static Profile proven(Profile profile, String proof) {
        return new Profile(profile.name(), profile.kernel(), new Origin("memory", "fake", "2026-01-01", 0.9, proof),
                profile.symbols(), profile.structs(), Map.of());
    }

    private void clock(long seconds) {
        linux.memory().putLong(IMAGE_GPA + CLOCK_AT + SECONDS_AT, seconds);
    }

    private final class TheGuest implements Guest {
        @Override
        public GuestInfo info() {
            return new GuestInfo(URI, "guest", "fake", GuestState.RUNNING, -1, -1);
        }

        @Override
        public PhysicalMemory memory() {
            return new PhysicalMemory() {
                @Override
                public List<MemoryRange> ranges() {
                    return linux.memory().ranges();
                }

                @Override
                public boolean live() {
                    return live;
                }

                @Override
                public MemoryWindow window(long gpa) {
                    return linux.memory().window(gpa);
                }
            };
        }

        @Override
        public String stamp() {
            return stamp;
        }

        @Override
        public void close() {
            // Nothing is held.
        }
    }

    private final KernelIdentifier identifier = new KernelIdentifier() {
        @Override
        public KernelIdentity identify(Guest guest, Progress progress) {
            searches++;
            for (MemoryRange range : guest.memory().ranges()) {
                for (long gpa = range.gpa(); gpa < range.end();) {
                    MemoryWindow window = guest.memory().windowFrom(gpa);
                    gpa = window.size() == 0 ? gpa + 4096 : window.gpa() + window.size();
                }
            }
            return placed();
        }

        @Override
        public List<KernelIdentity> identifyAll(Guest guest, Progress progress) {
            KernelIdentity only = identify(guest, progress);
            return otherFirst ? List.of(placed(OTHER_AT), only) : List.of(only);
        }

        @Override
        public Optional<KernelIdentity> identifyAt(String place, Guest guest, Progress progress) {
            assertThat(place).isEqualTo(PLACE);
            looks++;
            guest.memory().window(IMAGE_GPA);
            return stillThere ? Optional.of(placed()) : Optional.empty();
        }

        private KernelIdentity placed() {
            return placed(0);
        }

        private KernelIdentity placed(long at) {
            KernelIdentity bare = linux.kernel().identity();
            return new KernelIdentity(bare.release(), bare.banner(), bare.buildId(), bare.architecture(), bare.paging(),
                    bare.rootGpa(), bare.kaslrOffset() + at, bare.physBase(), bare.imageStart(), bare.imageEnd(), bare.symbols(),
                    List.of(), PLACE);
        }
    };

    private UnaryOperator<Profile> borneOut = then -> then;

    private final ProfileCache cache = new ProfileCache() {
        @Override
        public Optional<Path> folder() {
            return Optional.of(Path.of("cache"));
        }

        @Override
        public void enable(boolean on) {
            throw new AssertionError();
        }

        @Override
        public Optional<Profile> recall(KernelIdentity kernel, Needs needs) {
            return known && learnt > 0 ? Optional.of(profile) : Optional.empty();
        }

        @Override
        public void keep(Profile learnt, Needs needs) {
            kept.add(learnt);
        }

        @Override
        public void forget(KernelIdentity kernel, Needs needs) {
            learnt = 0;
        }

        @Override
        public Optional<String> recallNote(GuestUri guest) {
            return Optional.ofNullable(notes.get(guest));
        }

        @Override
        public void keepNote(GuestUri guest, String note) {
            notes.put(guest, note);
        }
    };

    /** A folder with one profile, or none. */
    private record Folder(Optional<Profile> profile) implements ProfileSource, ProfileStore {
        @Override
        public String name() {
            return "folder";
        }

        @Override
        public Optional<Profile> find(Guest guest, KernelIdentity kernel, AddressSpace space, Needs needs,
                Progress progress) {
            return profile;
        }

        @Override
        public Path folder() {
            return Path.of("folder");
        }

        @Override
        public void use(Path other) {
            throw new AssertionError();
        }

        @Override
        public long version() {
            return 0;
        }

        @Override
        public List<Entry> list() {
            throw new AssertionError();
        }

        @Override
        public Entry read(Path file) {
            throw new AssertionError();
        }

        @Override
        public void write(Profile written, Path file) {
            throw new AssertionError();
        }
    }

    private final ProfileSource source = new ProfileSource() {
        @Override
        public String name() {
            return "memory";
        }

        @Override
        public Optional<Profile> find(Guest guest, KernelIdentity kernel, AddressSpace space, Needs needs,
                Progress progress) {
            learnt++;
            return Optional.of(profile);
        }

        @Override
        public Optional<Profile> confirm(Profile then, Guest guest, KernelIdentity kernel, AddressSpace space,
                Progress progress) {
            confirmed++;
            return holds ? Optional.of(borneOut.apply(then)) : Optional.empty();
        }
    };

    private final Decoder decoder = new Decoder() {
        @Override
        public String name() {
            return "any";
        }

        @Override
        public Needs needs() {
            return Needs.NONE;
        }

        @Override
        public boolean fits(Kernel kernel) {
            return true;
        }

        @Override
        public TaskReader attach(Kernel kernel, AddressSpace space) {
            return new TaskReader() {
                @Override
                public ProcessTable read(TaskQuery query) {
                    return new ProcessTable(List.of(), List.of(), 1, Task.UNKNOWN);
                }

                @Override
                public void close() {
                    givenBack++;
                }

                @Override
                public List<CurrentTask> current(List<VcpuRegisters> registers) {
                    return List.of();
                }
            };
        }
    };

    private Attached attach() {
        return attach(source);
    }

    private Attached attach(ProfileSource... sources) {
        Calls calls = new Calls("", Limits.DEFAULT, List::of);
        calls.searching();
        Plugin<ProfileCache> remembers = Plugin.of(Step.PROFILE, cache);
        Optional<LastPlace> then = Ladder.recall(calls, remembers, URI, () -> Needs.NONE);
        return new Ladder(calls, Plugin.of(Step.TRANSLATION, new X86Translator()), Plugin.of(Step.IDENTIFY, identifier),
                Optional.of(remembers), Arrays.stream(sources).map(each -> Plugin.of(Step.PROFILE, each)).toList(),
                List.of(Plugin.of(Step.DECODER, decoder)), Needs.NONE, 0, () -> host)
                .climb(URI, new TheGuest(), Progress.NONE, then);
    }

    private void later(long seconds) {
        host += seconds * 1000;
    }

    @Test
    void whatIsLeftOfAKernelIsPassedOverForOneThatRuns() {
        otherFirst = true;
        Attached attached = attach();
        assertThat(attached.identity().kaslrOffset()).isEqualTo(linux.kernel().identity().kaslrOffset());
        assertThat(others(attached)).containsExactly("what is left of it: its first process does not lead back to it");
        assertThat(attached.ladder().get(0).clues()).anySatisfy(clue -> {
            assertThat(clue.verdict()).isEqualTo(Clue.Verdict.REJECTED);
            assertThat(clue.why()).startsWith("what is left of it");
        });
        assertThat(givenBack).isEqualTo(1);
    }

    @Test
    void ofTwoKernelsThatAreWholeTheOneWithTheLaterClockRuns() {
        other(1_699_999_990);
        Attached attached = attach();
        assertThat(attached.identity().kaslrOffset()).isEqualTo(linux.kernel().identity().kaslrOffset());
        assertThat(others(attached)).containsExactly("whole too, and its clock stopped 10 s before the running one's");
        assertThat(givenBack).isEqualTo(1);
        notes.clear();
        other(1_700_000_001);
        attached = attach();
        assertThat(attached.identity().kaslrOffset()).isEqualTo(linux.kernel().identity().kaslrOffset() + OTHER_AT);
        assertThat(givenBack).isEqualTo(2);
    }

    @Test
    void withoutAClockTheIdentifierDecides() {
        other(1);
        profile = linux.kernel().profile();
        assertThat(attach().identity().kaslrOffset()).isEqualTo(linux.kernel().identity().kaslrOffset() + OTHER_AT);
    }

    @Test
    void aKernelThatMayHaveStoppedTeachesNothing() {
        other(1);
        known = false;
        learnt = 0;
        Attached attached = attach();
        assertThat(learnt).isEqualTo(1);
        assertThat(attached.identity().kaslrOffset()).isEqualTo(linux.kernel().identity().kaslrOffset() + OTHER_AT);
    }

    @Test
    void aRunningKernelIsFoundWhereItWas() {
        Attached first = attach();
        later(100);
        clock(1_700_000_100);
        Attached second = attach();
        assertThat(searches).isEqualTo(1);
        assertThat(learnt).isEqualTo(1);
        assertThat(second.use()).isPresent();
        assertThat(second.identity().place()).isEqualTo(PLACE);
        assertThat(first.findings()).last().satisfies(told -> assertThat(told.how()).contains("100.0 %"));
        assertThat(second.findings()).last().satisfies(told -> {
            assertThat(told.what()).isEqualTo("found out in");
            assertThat(told.how()).startsWith("0 of ").doesNotContain(" 100.0 %");
        });
    }

    @Test
    void aKernelWhoseClockStandsMayBeAnEarlierBoots() {
        attach();
        later(5);
        attach();
        assertThat(givenBack).as("who was to read the other one is told that it is not wanted").isEqualTo(1);
        assertThat(looks).isEqualTo(1);
        assertThat(searches).as("it is whole, and its clock did not go on").isEqualTo(2);
        // What the search found is what is noted.
        later(1);
        attach();
        assertThat(searches).isEqualTo(2);
    }

    @Test
    void theSameBootNeedNotBearOutAgainWhatWasLearntOfIt() {
        profile = proven(profile, "a");
        attach();
        holds = false;
        Attached second = attach();
        assertThat(second.use()).isPresent();
        assertThat(second.ladder()).anySatisfy(attempt -> {
            assertThat(attempt.source()).isEqualTo("learnt before");
            assertThat(attempt.clues()).anySatisfy(clue -> assertThat(clue.what()).isEqualTo("boot"));
        });
        later(100);
        clock(1_700_000_100);
        assertThat(attach().use()).isPresent();
        assertThat(confirmed).isZero();
        assertThat(searches).isEqualTo(1);
    }

    @Test
    void whatAnotherGuestTaughtIsBorneOutFirst() {
        profile = proven(profile, "a");
        attach();
        profile = proven(profile, "b");
        attach();
        assertThat(confirmed).isEqualTo(1);
        attach();
        assertThat(confirmed).as("this guest bore it out").isEqualTo(1);
        profile = proven(profile, "c");
        holds = false;
        attach();
        assertThat(searches).as("it does not hold").isEqualTo(2);
    }

    @Test
    void whatPeopleGaveIsNotTakenForBorneOut() {
        profile = proven(profile, "a");
        learnt = 1;
        attach(new Folder(Optional.of(profile)), source);
        assertThat(attach(new Folder(Optional.empty()), source).use()).isPresent();
        assertThat(confirmed).isEqualTo(1);
        attach(new Folder(Optional.empty()), source);
        assertThat(confirmed).isEqualTo(1);
    }

    @Test
    void anotherBootBearsOutWhatWasLearntBefore() {
        profile = proven(profile, "a");
        attach();
        linux.put(first, "start_boottime", 77);
        assertThat(attach().use()).isPresent();
        assertThat(confirmed).isEqualTo(1);
        linux.link(linux.initTask(), linux.process(2, linux.initTask(), 0, "kthreadd"));
        assertThat(attach().use()).isPresent();
        assertThat(confirmed).isEqualTo(2);
        assertThat(searches).isEqualTo(1);
        // Of what no process tells, nothing tells the boot either.
        linux.link(linux.initTask(), linux.initTask());
        attach();
        attach();
        assertThat(confirmed).isEqualTo(4);
    }

    @Test
    void withoutAProofItIsBorneOutEachTime() {
        attach();
        attach();
        attach();
        assertThat(confirmed).isEqualTo(2);
    }

    @Test
    void whatIsKnownBetterByNowIsKept() {
        attach();
        int before = kept.size();
        borneOut = then -> proven(then, "settled");
        attach();
        assertThat(kept).hasSize(before + 1).last().satisfies(profile ->
                assertThat(profile.origin().proof()).isEqualTo("settled"));
        profile = proven(profile, "settled");
        attach();
        assertThat(confirmed).as("and then need not be asked again").isEqualTo(1);
    }

    @Test
    void aClockThatWasSetIsNotTrustedEither() {
        attach();
        later(100);
        clock(1_700_009_000);
        attach();
        assertThat(searches).isEqualTo(2);
    }

    @Test
    void theSmallestLagSeenIsTheOneThatCounts() {
        clock(1_699_999_998);
        attach();
        later(10);
        clock(1_700_000_010);
        attach();
        assertThat(searches).isEqualTo(1);
        // Within what the first attach alone would allow for, and too late by what is known since.
        later(3);
        attach();
        assertThat(searches).isEqualTo(2);
    }

    @Test
    void aRunningGuestWithoutAClockIsSearchedEachTime() {
        profile = linux.kernel().profile();
        attach();
        attach();
        assertThat(searches).isEqualTo(2);
        assertThat(looks).isZero();
    }

    @Test
    void whatIsNoLongerThereIsSearchedFor() {
        attach();
        stillThere = false;
        attach();
        assertThat(searches).isEqualTo(2);
    }

    @Test
    void nothingIsLearntOfAKernelThatMayNotRun() {
        attach();
        known = false;
        int before = learnt;
        attach();
        assertThat(searches).isEqualTo(2);
        assertThat(learnt).as("once, after the search").isEqualTo(before + 1);
    }

    @Test
    void anImageIsTheSameByItsFileAndItsClock() {
        live = false;
        stamp = "a";
        attach();
        later(100_000);
        attach();
        assertThat(searches).isEqualTo(1);
        clock(1_700_000_001);
        attach();
        assertThat(searches).as("it was written to behind its stamp").isEqualTo(2);
        stamp = "b";
        attach();
        assertThat(searches).isEqualTo(3);
        stamp = "";
        attach();
        attach();
        assertThat(searches).as("nothing tells one image from another").isEqualTo(5);
    }

    @Test
    void nonsenseInTheCacheIsNoPlace() {
        attach();
        String good = notes.remove(URI);
        searches = 0;
        for (String text : new String[] {"", "x", "\n\n", PLACE + "\n1 2 3", "\\u12",
            good.replace("place=", "plate="), good.replaceAll("millis=.*", "millis=" + "9".repeat(30)),
            good.replaceAll("seconds=.*", "seconds=then"), good.replaceAll("architecture=.*", "architecture=vax")}) {
            notes.put(URI, text);
            int before = searches;
            assertThat(attach().use()).isPresent();
            assertThat(searches).as(text).isEqualTo(before + 1);
        }
        assertThat(looks).isZero();
    }
}
