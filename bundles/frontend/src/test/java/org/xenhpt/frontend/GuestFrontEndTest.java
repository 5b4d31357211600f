// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.frontend.FrontEnd;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.Backend;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.translation.X86Translator;

class GuestFrontEndTest {
    private static final GuestUri URI = GuestUri.parse("fake:guest");

    private final FakeLinux linux = new FakeLinux(false);
    private final Kernel kernel = linux.kernel();
    private final List<String> closed = new ArrayList<>();

    @Test
    void theHighestRankingSourceAndDecoderThatFitAreUsed() {
        FrontEnd frontEnd = frontEnd(List.of(source("low", kernel.profile()), source("high", kernel.profile())),
                List.of(decoder("low", k -> true, one()), decoder("middle", k -> true, one()),
                        decoder("high", k -> false, one())));
        try (Session session = frontEnd.attach(URI, Progress.NONE)) {
            assertThat(session.decoder()).contains("middle");
            assertThat(session.problem()).isEmpty();
            assertThat(session.findings()).extracting(Finding::what, Finding::how).contains(
                    tuple("profile", "high, made from hand"));
            assertThat(session.processes(TaskQuery.PROCESSES).tasks()).isEqualTo(one().tasks());
        }
        assertThat(closed).containsExactly("fake:guest");
    }

    @Test
    void aProfileThatNoDecoderCanUseIsNotTheLastWord() {
        Profile broken = new Profile("broken", kernel.profile().kernel(), kernel.profile().origin(),
                kernel.profile().symbols(), Map.of(), Map.of());
        Decoder strict = decoder("strict", k -> true, one(), k -> {
            if (k.profile().structs().isEmpty()) {
                throw new HptException(Step.DECODER, Reason.BAD_PROFILE, "", "profile has no member task_struct.pid");
            }
        });
        FrontEnd frontEnd = frontEnd(List.of(source("memory", kernel.profile()), source("folder", broken)),
                List.of(strict));
        try (Session session = frontEnd.attach(URI, Progress.NONE)) {
            assertThat(session.kernel().orElseThrow().profile().name()).isEqualTo("fake");
        }
        try (Session session = frontEnd(List.of(source("folder", broken)), List.of(strict)).attach(URI,
                Progress.NONE)) {
            assertThat(session.problem()).isPresent();
            assertThatThrownBy(() -> session.processes(TaskQuery.PROCESSES)).isInstanceOf(HptException.class)
                    .hasMessageContaining("fake:guest: no profile for kernel 6.1.0-fake")
                    .hasMessageContaining("strict with broken from folder: profile has no member task_struct.pid");
        }
    }

    @Test
    void withoutAProfileTheSessionSaysWhatWasTried() {
        ProfileSource failing = new Source("memory", needs -> {
            throw new HptException(Step.PROFILE, Reason.NO_PROFILE, "", "the kernel has no BTF").next("make one");
        });
        try (Session session = frontEnd(List.of(failing, new Source("folder", needs -> Optional.empty())),
                List.of(decoder("any", k -> true, one()))).attach(URI, Progress.NONE)) {
            assertThat(session.identity().release()).isEqualTo("6.1.0-fake");
            assertThatThrownBy(() -> session.processes(TaskQuery.PROCESSES))
                    .isInstanceOfSatisfying(HptException.class, problem -> {
                        assertThat(problem.reason()).isEqualTo(Reason.NO_PROFILE);
                        assertThat(problem.tried()).containsExactly("folder: does not know this build",
                                "memory: the kernel has no BTF");
                        assertThat(problem.next()).isEqualTo("make one");
                    });
        }
    }

    @Test
    void aProfileIsMadeByTheBestSourceThatCan() {
        List<Needs> asked = new ArrayList<>();
        Profile inferred = named("inferred");
        ProfileSource failing = new Source("memory", needs -> {
            throw new HptException(Step.PROFILE, Reason.NO_PROFILE, "", "the kernel has no BTF");
        });
        ProfileSource concludes = new Source("inference", needs -> {
            asked.add(needs);
            return Optional.of(inferred);
        });
        Needs also = new Needs(Set.of("jiffies"), Set.of("task_struct.prio"));
        try (Session session = frontEnd(List.of(concludes, failing), List.of(decoder("any", k -> true, one())))
                .attach(URI, Progress.NONE)) {
            asked.clear();
            assertThat(session.learn(also, Progress.NONE)).isEqualTo(inferred);
            assertThat(asked).singleElement().satisfies(needs -> {
                assertThat(needs.symbols()).contains("jiffies");
                assertThat(needs.members()).contains("task_struct.prio");
            });
        }
    }

    @Test
    void aProfileThatADecoderFitsIsBetterThanOneThatNoneDoes() {
        Decoder choosy = decoder("choosy", k -> k.profile().name().equals("good"), one());
        try (Session session = frontEnd(List.of(source("inference", named("good")), source("memory", named("odd"))),
                List.of(choosy)).attach(URI, Progress.NONE)) {
            assertThat(session.learn(Needs.NONE, Progress.NONE).name()).isEqualTo("good");
        }
        try (Session session = frontEnd(List.of(source("memory", named("odd"))), List.of(choosy))
                .attach(URI, Progress.NONE)) {
            assertThat(session.learn(Needs.NONE, Progress.NONE).name()).as("for a decoder yet to come").isEqualTo("odd");
        }
    }

    @Test
    void whoCouldNotMakeAProfileIsNamed() {
        try (Session session = frontEnd(List.of(new Source("memory", needs -> Optional.empty())),
                List.of(decoder("any", k -> true, one()))).attach(URI, Progress.NONE)) {
            assertThatThrownBy(() -> session.learn(Needs.NONE, Progress.NONE))
                    .isInstanceOfSatisfying(HptException.class, problem -> {
                        assertThat(problem.reason()).isEqualTo(Reason.NO_PROFILE);
                        assertThat(problem.tried()).containsExactly("memory: does not know this build");
                        assertThat(problem.next()).contains("--from");
                    });
        }
    }

    @Test
    void anUnknownSchemeNamesTheKnownOnes() {
        assertThatThrownBy(() -> frontEnd(List.of(), List.of()).attach(GuestUri.parse("xen:web1"), Progress.NONE))
                .isInstanceOf(HptException.class)
                .hasMessage("backend: xen:web1: no installed backend opens xen:; there are backends for fake");
    }

    @Test
    void aGuestThatIsNotIdentifiedIsGivenBack() {
        FrontEnd frontEnd = new GuestFrontEnd(new X86Translator(), (guest, progress) -> {
            throw new HptException(Step.IDENTIFY, Reason.NOT_IDENTIFIED, "", "no kernel");
        }, List.of(new FakeBackend()), List.of(), List.of());
        assertThatThrownBy(() -> frontEnd.attach(URI, Progress.NONE)).hasMessageContaining("no kernel");
        assertThat(closed).containsExactly("fake:guest");
    }

    @Test
    void memoryThatGoesAwayIsNamed() {
        FrontEnd frontEnd = frontEnd(List.of(source("folder", kernel.profile())), List.of(new Decoder() {
            @Override
            public String name() {
                return "sigbus";
            }

            @Override
            public Needs needs() {
                return Needs.NONE;
            }

            @Override
            public boolean fits(Kernel k) {
                return true;
            }

            @Override
            public TaskReader attach(Kernel k, AddressSpace space) {
                return new FixedReader(() -> {
                    throw new InternalError("a fault occurred in an unsafe memory access operation");
                });
            }
        }));
        try (Session session = frontEnd.attach(URI, Progress.NONE)) {
            assertThatThrownBy(() -> session.processes(TaskQuery.PROCESSES))
                    .isInstanceOfSatisfying(HptException.class, failure -> {
                        assertThat(failure.reason()).isEqualTo(Reason.GUEST_GONE);
                        assertThat(failure.subject()).isEqualTo("fake:guest");
                    });
        }
    }

    @Test
    void listingGoesOnWhereOneBackendFails() {
        Backend failing = new Backend() {
            @Override
            public String scheme() {
                return "broken";
            }

            @Override
            public List<GuestInfo> guests() {
                throw new HptException(Step.BACKEND, Reason.ACCESS_DENIED, "broken", "not root");
            }

            @Override
            public Guest open(GuestUri uri) {
                throw new AssertionError();
            }
        };
        FrontEnd.Listing listing = new GuestFrontEnd(new X86Translator(), (guest, progress) -> kernel.identity(),
                List.of(failing, new FakeBackend()), List.of(), List.of()).guests();
        assertThat(listing.guests()).extracting(GuestInfo::name).containsExactly("guest");
        assertThat(listing.failures()).singleElement().satisfies(f -> assertThat(f).hasMessageContaining("not root"));
    }

    private FrontEnd frontEnd(List<ProfileSource> sources, List<Decoder> decoders) {
        return new GuestFrontEnd(new X86Translator(), (guest, progress) -> kernel.identity(),
                List.of(new FakeBackend()), sources, decoders);
    }

    private Profile named(String name) {
        Profile any = kernel.profile();
        return new Profile(name, any.kernel(), any.origin(), any.symbols(), any.structs(), any.constants());
    }

    private static ProcessTable one() {
        return new ProcessTable(List.of(new Task(0x1000, 1, 1, 0, 'S', 0, 0, 0, 0, "init", false)), List.of(), 1,
                Task.UNKNOWN);
    }

    private static ProfileSource source(String name, Profile profile) {
        return new Source(name, needs -> Optional.of(profile));
    }

    private static Decoder decoder(String name, Predicate<Kernel> fits, ProcessTable table) {
        return decoder(name, fits, table, k -> { });
    }

    private static Decoder decoder(String name, Predicate<Kernel> fits, ProcessTable table,
            Consumer<Kernel> check) {
        return new Decoder() {
            @Override
            public String name() {
                return name;
            }

            @Override
            public Needs needs() {
                return Needs.NONE;
            }

            @Override
            public boolean fits(Kernel k) {
                return fits.test(k);
            }

            @Override
            public TaskReader attach(Kernel k, AddressSpace space) {
                check.accept(k);
                return new FixedReader(() -> table);
            }
        };
    }

    private record Source(String name, Function<Needs, Optional<Profile>> profile)
            implements ProfileSource {
        @Override
        public Optional<Profile> find(Guest guest, KernelIdentity identity, AddressSpace space, Needs needs,
                Progress progress) {
            return profile.apply(needs);
        }
    }

    private record FixedReader(Supplier<ProcessTable> table) implements TaskReader {
        @Override
        public ProcessTable read(TaskQuery query) {
            return table.get();
        }

        @Override
        public List<CurrentTask> current(List<VcpuRegisters> registers) {
            return List.of();
        }
    }

    private final class FakeBackend implements Backend {
        @Override
        public String scheme() {
            return "fake";
        }

        @Override
        public List<GuestInfo> guests() {
            return List.of(new GuestInfo(URI, "guest", "fake", GuestState.IMAGE, 1, 1));
        }

        @Override
        public Guest open(GuestUri uri) {
            Guest inner = linux.guest();
            return new Guest() {
                @Override
                public GuestInfo info() {
                    return inner.info();
                }

                @Override
                public PhysicalMemory memory() {
                    return inner.memory();
                }

                @Override
                public List<VcpuRegisters> registers() {
                    return inner.registers();
                }

                @Override
                public Optional<String> vmcoreinfo() {
                    return inner.vmcoreinfo();
                }

                @Override
                public void close() {
                    closed.add(uri.toString());
                }
            };
        }
    }
}
