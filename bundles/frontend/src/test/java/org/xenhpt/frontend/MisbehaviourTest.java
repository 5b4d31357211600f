// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.Backend;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.translation.X86Translator;

/** Bundles that throw what they should not, do not answer, or change what they know. */
class MisbehaviourTest {
    private static final GuestUri URI = GuestUri.parse("fake:guest");
    private static final ProcessTable TABLE = new ProcessTable(
            List.of(new Task(0x1000, 1, 1, 0, 'S', 0, 0, 0, 0, "init", false)), List.of(), 1, Task.UNKNOWN);
    /** What does not hang must come back within this, too, on a machine that stands still now and then. */
    private static final long SHORT_NANOS = TimeUnit.SECONDS.toNanos(10);
    /** Longer than {@link #HANG}. */
    private static final long LONG_NANOS = TimeUnit.SECONDS.toNanos(300);
    private static final Limits SHORT_READING = new Limits(SHORT_NANOS, LONG_NANOS);
    private static final Limits SHORT_SEARCH = new Limits(LONG_NANOS, SHORT_NANOS);
    private static final Limits LONG = new Limits(LONG_NANOS, LONG_NANOS);
    private static final Duration HANG = Duration.ofSeconds(120);

    private final FakeLinux linux = new FakeLinux(false);
    private final Kernel kernel = linux.kernel();
    private final CountDownLatch release = new CountDownLatch(1);
    private final AtomicInteger closed = new AtomicInteger();
    private final List<String> asked = new ArrayList<>();
    private volatile Supplier<ProcessTable> reading = () -> TABLE;
    private volatile Runnable finding = () -> { };
    private volatile Runnable fitting = () -> { };
    private volatile long version = 1;
    private volatile Optional<Profile> profile = Optional.of(kernel.profile());

    private final class Backends implements Backend {
        @Override
        public String scheme() {
            return "fake";
        }

        @Override
        public List<GuestInfo> guests() {
            return List.of();
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
                public void close() {
                    closed.incrementAndGet();
                }
            };
        }
    }

    private final class Source implements ProfileSource {
        private final String name;

        Source(String name) {
            this.name = name;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public long version() {
            return name.equals("folder") ? version : 0;
        }

        @Override
        public Optional<Profile> find(Guest guest, KernelIdentity identity, AddressSpace space, Needs needs,
                Progress progress) {
            asked.add(name);
            if (name.equals("folder")) {
                progress.report("looking", 0, 0);
                finding.run();
                return profile;
            }
            return Optional.of(kernel.profile());
        }
    }

    private final class Decodes implements Decoder {
        private final String name;

        Decodes(String name) {
            this.name = name;
        }

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
            if (name.equals("high")) {
                fitting.run();
            }
            return true;
        }

        @Override
        public TaskReader attach(Kernel k, AddressSpace space) {
            return new TaskReader() {
                @Override
                public ProcessTable read(TaskQuery query) {
                    return name.equals("high") ? reading.get() : TABLE;
                }

                @Override
                public List<CurrentTask> current(List<VcpuRegisters> registers) {
                    return List.of();
                }
            };
        }
    }

    private GuestFrontEnd frontEnd(Limits limits) {
        return new GuestFrontEnd(limits, new X86Translator(), (guest, progress) -> kernel.identity(),
                List.of(new Backends()), List.of(new Source("memory"), new Source("folder")),
                List.of(new Decodes("low"), new Decodes("high")));
    }

    private Session attach(Limits limits) {
        return frontEnd(limits).attach(URI, Progress.NONE);
    }

    private <T> T hang() {
        boolean interrupted = false;
        while (true) {
            try {
                release.await();
                return null;
            } catch (InterruptedException deaf) {
                interrupted = !interrupted;
            }
        }
    }

    private static int overflow(int depth) {
        return overflow(depth + 1) + 1;
    }

    @Test
    void whatAReadingThrowsIsBlamedOnWhoThrewIt() {
        try (Session session = attach(LONG)) {
            for (Supplier<ProcessTable> bad : List.<Supplier<ProcessTable>>of(() -> {
                throw new IllegalStateException("bad luck");
            }, () -> {
                throw new NoClassDefFoundError("no/such/Type");
            }, () -> overflow(1) > 0 ? TABLE : TABLE)) {
                reading = bad;
                assertThatThrownBy(() -> session.processes(TaskQuery.PROCESSES))
                        .isInstanceOfSatisfying(HptException.class, failure -> {
                            assertThat(failure.reason()).isEqualTo(Reason.PLUGIN_FAILED);
                            assertThat(failure.subject()).isEqualTo("fake:guest");
                            assertThat(failure.detail()).startsWith(Decodes.class.getName() + " failed: java.lang.");
                            assertThat(failure.getCause()).as("would hold its classes").isNull();
                        });
            }
            reading = () -> TABLE;
            assertThat(session.processes(TaskQuery.PROCESSES)).isEqualTo(TABLE);
        }
    }

    @Test
    void aReadingThatHangsIsLeftBehindAndTheNextAttachesAnew() {
        assertTimeoutPreemptively(HANG, () -> {
            try (Session session = attach(SHORT_READING)) {
                reading = this::hang;
                assertThatThrownBy(() -> session.processes(TaskQuery.PROCESSES))
                        .isInstanceOfSatisfying(HptException.class, failure -> {
                            assertThat(failure.reason()).isEqualTo(Reason.PLUGIN_FAILED);
                            assertThat(failure.detail())
                                    .matches("(?s)no answer after \\d+ s from \\S+MisbehaviourTest\\$Decodes; .*");
                        });
                reading = () -> TABLE;
                assertThat(session.processes(TaskQuery.PROCESSES)).isEqualTo(TABLE);
                assertThat(session.decoder()).as("the other has not come back").contains("low");
                release.countDown();
            }
        });
    }

    @Test
    void aSourceThatHangsIsNamedAndNotAskedUntilItComesBack() {
        assertTimeoutPreemptively(HANG, () -> {
            GuestFrontEnd frontEnd = frontEnd(SHORT_SEARCH);
            finding = this::hang;
            assertThatThrownBy(() -> frontEnd.attach(URI, Progress.NONE)).isInstanceOf(HptException.class)
                    .hasMessageMatching("(?s)profile: fake:guest: no answer after \\d+ s from \\S+MisbehaviourTest\\$Source; .*");
            asked.clear();
            try (Session session = frontEnd.attach(URI, Progress.NONE)) {
                assertThat(asked).containsExactly("memory");
                assertThat(session.processes(TaskQuery.PROCESSES)).isEqualTo(TABLE);
            }
            assertThat(closed).as("what was left behind may still use its guest").hasValue(1);
            release.countDown();
            while (closed.get() < 2) {
                Thread.sleep(10);
            }
        });
    }

    @Test
    void aSourceThatHangsWhileAProfileIsMadeIsNamed() {
        assertTimeoutPreemptively(HANG, () -> {
            try (Session session = attach(SHORT_SEARCH)) {
                finding = this::hang;
                assertThatThrownBy(() -> session.learn(Needs.NONE, Progress.NONE)).isInstanceOf(HptException.class)
                        .hasMessageMatching("(?s)profile: fake:guest: no answer after \\d+ s from \\S+MisbehaviourTest\\$Source; .*");
                release.countDown();
            }
        });
    }

    @Test
    void aDecoderThatThrowsWhileItIsAskedIsPassedOver() {
        fitting = () -> overflow(1);
        try (Session session = attach(LONG)) {
            assertThat(session.decoder()).contains("low");
            profile = Optional.empty();
            asked.clear();
            assertThat(session.learn(Needs.NONE, Progress.NONE)).isEqualTo(kernel.profile());
            assertThat(asked).as("the next decoder fits what was found first").hasSize(2);
        }
    }

    @Test
    void whatAListenerOfProgressThrowsIsNobodysFault() {
        assertThatThrownBy(() -> frontEnd(LONG).attach(URI, (what, done, total) -> {
            throw new UnsupportedOperationException("enough");
        })).isInstanceOf(UnsupportedOperationException.class).hasMessage("enough");
    }

    @Test
    void whoIsInterruptedDoesNotWaitForOneThatIsDeaf() {
        assertTimeoutPreemptively(HANG, () -> {
            try (Session session = attach(LONG)) {
                reading = this::hang;
                Thread me = Thread.currentThread();
                new Thread(me::interrupt, "impatient").start();
                assertThatThrownBy(() -> session.processes(TaskQuery.PROCESSES)).isInstanceOf(CancellationException.class);
                reading = () -> TABLE;
                assertThat(session.processes(TaskQuery.PROCESSES)).isEqualTo(TABLE);
                release.countDown();
            }
        });
    }

    @Test
    void anOpenSessionFollowsAProfileAndAsksNobodyElse() {
        try (Session session = attach(LONG)) {
            assertThat(asked).containsExactly("folder");
            session.processes(TaskQuery.PROCESSES);
            assertThat(asked).containsExactly("folder");
            Profile known = kernel.profile();
            profile = Optional.of(new Profile("changed", known.kernel(), new Origin("changed", "", ""), known.symbols(),
                    known.structs(), known.constants()));
            version++;
            assertThat(session.processes(TaskQuery.PROCESSES)).isEqualTo(TABLE);
            assertThat(session.kernel().orElseThrow().profile().name()).isEqualTo("changed");
            assertThat(asked).containsExactly("folder", "folder");
            profile = Optional.empty();
            version++;
            session.refresh();
            assertThat(session.kernel().orElseThrow().profile().name()).isEqualTo(known.name());
            assertThat(asked).containsExactly("folder", "folder", "folder", "memory");
            assertThat(session.news()).hasSize(2).allMatch(news -> news.startsWith("fake:guest is read with the profile "));
        }
    }
}
