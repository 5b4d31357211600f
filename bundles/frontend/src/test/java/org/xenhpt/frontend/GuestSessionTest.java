// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Gap;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.StructLayout;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.translation.X86Translator;

/** A session whose guest changes: what one boot leaves in memory must never be shown as another's. */
class GuestSessionTest {
    private static final GuestUri URI = GuestUri.parse("fake:guest");
    private static final long IMAGE_GPA = 16 << 20;
    private static final long BANNER_AT = 0x30000;
    private static final long CLOCK_AT = 0x31000;
    private static final int SECONDS_AT = 8;

    /** One boot of the guest: its memory, what is to be found in it, and the pid that its list shows. */
    private static final class Boot {
        final FakeLinux linux = new FakeLinux(true);
        final Kernel kernel;
        final long first;
        final List<Task> tasks = new ArrayList<>();
        final List<Gap> gaps = new ArrayList<>();

        Boot(String release, long firstStarted) {
            this(release, firstStarted, OptionalLong.of(CLOCK_AT));
        }

        /** @param clockAt of the clock in the image; empty when nothing tells where it is */
        Boot(String release, long firstStarted, OptionalLong clockAt) {
            KernelIdentity bare = linux.kernel().identity();
            String banner = "Linux version " + release + " (me@here) #1";
            Map<String, Long> symbols = new HashMap<>();
            symbols.put("linux_banner", bare.imageStart() + BANNER_AT);
            KernelIdentity identity = new KernelIdentity(release, banner, "", bare.architecture(), bare.paging(),
                    bare.rootGpa(), bare.kaslrOffset(), bare.physBase(), bare.imageStart(), bare.imageEnd(), symbols,
                    List.of());
            Profile known = linux.kernel().profile();
            Map<String, Long> more = new HashMap<>(known.symbols());
            clockAt.ifPresent(at -> more.put("timekeeper", bare.imageStart() - bare.kaslrOffset() + at));
            Map<String, StructLayout> structs = new HashMap<>(known.structs());
            structs.put("timekeeper", new StructLayout(64, Map.of("xtime_sec", new Member(SECONDS_AT, 8, "u64"))));
            kernel = new Kernel(identity, new Profile(release, known.kernel(), known.origin(), more, structs, Map.of()));
            linux.memory().putString(IMAGE_GPA + BANNER_AT, banner + "\n");
            clock(1_000);
            first = linux.process(1, linux.initTask(), 0, "init");
            startedAt(firstStarted);
            tasks.add(task(1, "init of " + release));
        }

        void startedAt(long nanos) {
            put("start_boottime", 0, nanos);
        }

        /** What a reboot does to a kernel that it leaves behind. */
        void overwrite() {
            put("tasks", 8, 0x6b6b6b6b6b6b6b6bL);
        }

        private void put(String member, int at, long value) {
            long gva = first + linux.kernel().profile().member("task_struct", member).orElseThrow().offset() + at;
            linux.memory().putLong(new X86Translator().open(linux.memory(), kernel.identity().paging(),
                    kernel.identity().rootGpa()).translate(gva), value);
        }

        void clock(long seconds) {
            linux.memory().putLong(IMAGE_GPA + CLOCK_AT + SECONDS_AT, seconds);
        }
    }

    private static Task task(int pid, String name) {
        return new Task(pid * 4096L, pid, pid, 0, 'S', 0, 0, 0, 0, name, false);
    }

    /** The memory of whatever boot the guest is in. */
    private final class Memory implements PhysicalMemory {
        @Override
        public List<MemoryRange> ranges() {
            return now.linux.memory().ranges();
        }

        @Override
        public boolean live() {
            return live;
        }

        @Override
        public MemoryWindow window(long gpa) {
            if (gone) {
                throw new HptException(Step.BACKEND, Reason.GUEST_GONE, URI.toString(), "is gone");
            }
            return now.linux.memory().window(gpa);
        }
    }

    private final class SwitchedGuest implements Guest {
        private final Memory memory = new Memory();

        @Override
        public GuestInfo info() {
            return new GuestInfo(URI, "guest", "fake", GuestState.RUNNING, -1, -1);
        }

        @Override
        public PhysicalMemory memory() {
            return memory;
        }

        @Override
        public void close() {
            closed++;
        }
    }

    private boolean live = true;
    private boolean gone;
    private boolean up = true;
    private boolean hasTasks = true;
    private int closed;
    private int opened;
    private int attached;
    private long nanos = 1;
    private Boot now = new Boot("6.1.0-a", 5_000);

    private Attached attach(Guest guest) {
        attached++;
        if (!up) {
            throw new HptException(Step.IDENTIFY, Reason.NOT_IDENTIFIED, URI.toString(), "no kernel here");
        }
        Boot boot = now;
        AddressSpace space = new X86Translator().open(guest.memory(), boot.kernel.identity().paging(),
                boot.kernel.identity().rootGpa());
        TaskReader reader = new TaskReader() {
            @Override
            public ProcessTable read(TaskQuery query) {
                space.refresh();
                return new ProcessTable(boot.tasks, boot.gaps, 1, Task.UNKNOWN);
            }

            @Override
            public List<CurrentTask> current(List<VcpuRegisters> registers) {
                return List.of();
            }
        };
        Optional<HptException> problem = hasTasks ? Optional.empty()
                : Optional.of(new HptException(Step.PROFILE, Reason.NO_PROFILE, URI.toString(), "no tasks are seen")
                        .tried("inference: no whole list of named tasks"));
        return new Attached(boot.kernel.identity(), space, Optional.of(new Attached.Use(boot.kernel, "stub", reader))
                .filter(use -> hasTasks), List.of(), List.of(), problem);
    }

    private GuestSession session() {
        return new GuestSession(URI, new SwitchedGuest(), () -> {
            opened++;
            gone = false;
            return new SwitchedGuest();
        }, this::attach, () -> nanos);
    }

    private static List<String> names(GuestSession session) {
        return session.processes(TaskQuery.PROCESSES).tasks().stream().map(Task::name).toList();
    }

    @Test
    void aGuestThatGoesOnIsIdentifiedOnce() {
        GuestSession session = session();
        for (int second = 1; second < 10; second++) {
            nanos += TimeUnit.SECONDS.toNanos(1);
            now.clock(1_000 + second);
            assertThat(names(session)).containsExactly("init of 6.1.0-a");
        }
        assertThat(attached).isOne();
        assertThat(session.news()).isEmpty();
    }

    @Test
    void anotherKernelAfterARebootIsIdentifiedAndTold() {
        GuestSession session = session();
        assertThat(names(session)).containsExactly("init of 6.1.0-a");
        now = new Boot("7.2.0-b", 9_000);
        assertThat(names(session)).containsExactly("init of 7.2.0-b");
        assertThat(session.identity().release()).isEqualTo("7.2.0-b");
        assertThat(session.news()).containsExactly(
                "fake:guest rebooted: it ran 6.1.0-a, and now runs 7.2.0-b");
        assertThat(session.news()).as("told once").isEmpty();
    }

    @Test
    void theSameKernelAfterARebootIsToldByItsFirstProcess() {
        GuestSession session = session();
        assertThat(names(session)).hasSize(1);
        now.startedAt(5_001);
        assertThat(names(session)).hasSize(1);
        assertThat(session.news()).containsExactly("fake:guest rebooted, with the same kernel 6.1.0-a");
    }

    @Test
    void aSnapshotOfTheSameBootIsNoReboot() {
        GuestSession session = session();
        nanos += TimeUnit.SECONDS.toNanos(1);
        now.clock(500);
        now.tasks.add(task(7, "killed since"));
        assertThat(names(session)).containsExactly("init of 6.1.0-a", "killed since");
        assertThat(session.news()).containsExactly(
                "fake:guest went back in time: its clock by 500 s, as after a snapshot");
        now.clock(499);
        assertThat(names(session)).hasSize(2);
        assertThat(session.news()).as("a second is an adjustment").isEmpty();
        assertThat(attached).isOne();
    }

    @Test
    void aHalfBootedGuestIsNotUpYetAndThenIs() {
        GuestSession session = session();
        now = new Boot("7.2.0-b", 9_000);
        up = false;
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> session.processes(TaskQuery.PROCESSES))
                    .isInstanceOfSatisfying(HptException.class, early -> {
                        assertThat(early.reason()).isEqualTo(Reason.NOT_UP);
                        assertThat(early.getMessage()).contains("fake:guest: is not up yet: it ran 6.1.0-a")
                                .contains("no kernel here");
                    });
        }
        up = true;
        assertThat(names(session)).containsExactly("init of 7.2.0-b");
        assertThat(session.news()).hasSize(1);
    }

    @Test
    void aKernelThatWasReadAndShowsNoTasksIsNotUpYetAndThenIs() {
        GuestSession session = session();
        now.startedAt(5_001);
        hasTasks = false;
        for (int i = 0; i < 2; i++) {
            assertThatThrownBy(() -> session.processes(TaskQuery.PROCESSES))
                    .isInstanceOfSatisfying(HptException.class, early -> {
                        assertThat(early.reason()).isEqualTo(Reason.NOT_UP);
                        assertThat(early.getMessage()).contains("no whole list of named tasks");
                    });
        }
        hasTasks = true;
        assertThat(names(session)).containsExactly("init of 6.1.0-a");
        assertThat(session.news()).containsExactly("fake:guest rebooted, with the same kernel 6.1.0-a");
    }

    @Test
    void aKernelThatShowsNoTasksIsLookedAtAgain() {
        hasTasks = false;
        GuestSession session = session();
        now = new Boot("7.2.0-b", 9_000);
        for (int second = 0; second < 3; second++) {
            assertThatThrownBy(() -> session.processes(TaskQuery.PROCESSES)).hasMessageContaining("no tasks are seen");
            assertThatThrownBy(() -> session.processes(TaskQuery.PROCESSES)).hasMessageContaining("no tasks are seen");
            nanos += TimeUnit.SECONDS.toNanos(1);
        }
        assertThat(attached).as("once a second").isEqualTo(3);
        hasTasks = true;
        assertThat(names(session)).containsExactly("init of 7.2.0-b");
        now = new Boot("7.2.0-c", 10_000);
        assertThat(names(session)).as("it is watched like any other").containsExactly("init of 7.2.0-c");
    }

    @Test
    void aKernelWithoutAProcessIsNotUpYet() {
        now.tasks.clear();
        GuestSession session = session();
        assertThatThrownBy(() -> session.processes(TaskQuery.PROCESSES))
                .isInstanceOfSatisfying(HptException.class, early -> {
                    assertThat(early.reason()).isEqualTo(Reason.NOT_UP);
                    assertThat(early.getMessage()).contains("has not started a process yet");
                });
    }

    @Test
    void whatIsLeftOfAKernelIsNotTakenForAReboot() {
        GuestSession session = session();
        names(session);
        now.overwrite();
        for (int i = 0; i < 3; i++) {
            assertThatThrownBy(() -> names(session)).isInstanceOfSatisfying(HptException.class, e ->
                    assertThat(e.reason()).isEqualTo(Reason.NOT_UP)).hasMessageContaining("what is left of a kernel");
        }
        assertThat(session.news()).isEmpty();
        now = new Boot("6.1.0-a", 7_000);
        assertThat(names(session)).containsExactly("init of 6.1.0-a");
        assertThat(session.news()).containsExactly("fake:guest rebooted, with the same kernel 6.1.0-a");
    }

    @Test
    void whoeverMeetsWhatIsLeftOfAKernelIsToldThatItIsNotUp() {
        now.overwrite();
        GuestSession session = session();
        assertThatThrownBy(() -> names(session)).isInstanceOfSatisfying(HptException.class, e ->
                assertThat(e.reason()).isEqualTo(Reason.NOT_UP));
    }

    @Test
    void aKernelOfWhichNoTaskCanBeReadIsNotUp() {
        now.tasks.clear();
        now.gaps.add(new Gap("all tasks", "the list of tasks leads nowhere"));
        GuestSession session = session();
        assertThatThrownBy(() -> names(session)).isInstanceOfSatisfying(HptException.class, e ->
                assertThat(e.reason()).isEqualTo(Reason.NOT_UP)).hasMessageContaining("the list of tasks leads nowhere");
    }

    @Test
    void anImageOfWhichNoTaskCanBeReadHasAGap() {
        live = false;
        now.tasks.clear();
        now.gaps.add(new Gap("all tasks", "the list of tasks leads nowhere"));
        assertThat(session().processes(TaskQuery.PROCESSES).gaps()).hasSize(1);
    }

    @Test
    void aClockThatCannotBeReadIsOneThatStands() {
        now = new Boot("6.1.0-a", 5_000, OptionalLong.of(1L << 30));
        GuestSession session = session();
        names(session);
        nanos += TimeUnit.SECONDS.toNanos(2);
        names(session);
        assertThat(attached).isEqualTo(2);
        assertThat(session.news()).isEmpty();
    }

    @Test
    void gapsAreAReasonToLookAgainWhereNoClockTellsThatTheKernelRuns() {
        now = new Boot("6.1.0-a", 5_000, OptionalLong.empty());
        GuestSession session = session();
        names(session);
        now.gaps.add(new Gap("tasks after pid 1", "the list of tasks has a node that does not lead back"));
        assertThat(names(session)).containsExactly("init of 6.1.0-a");
        assertThat(attached).isEqualTo(2);
        names(session);
        assertThat(attached).as("not each time: it may have gaps and run").isEqualTo(2);
        nanos += TimeUnit.SECONDS.toNanos(2);
        names(session);
        assertThat(attached).isEqualTo(3);
    }

    @Test
    void aKernelWhoseClockGoesOnIsNotLookedAtAgainForItsGaps() {
        now.gaps.add(new Gap("tasks after pid 1", "the list of tasks has a node that does not lead back"));
        GuestSession session = session();
        for (int i = 1; i < 5; i++) {
            now.clock(1_000 + 2 * i);
            nanos += TimeUnit.SECONDS.toNanos(2);
            assertThat(names(session)).hasSize(1);
        }
        assertThat(attached).isEqualTo(1);
    }

    @Test
    void aClockThatStandsIsAReasonToLookAgain() {
        GuestSession session = session();
        nanos += TimeUnit.SECONDS.toNanos(1);
        assertThat(names(session)).hasSize(1);
        assertThat(attached).as("within its patience").isOne();
        nanos += TimeUnit.SECONDS.toNanos(1);
        assertThat(names(session)).hasSize(1);
        assertThat(attached).isEqualTo(2);
        assertThat(session.news()).as("a paused guest is no news").isEmpty();
        assertThat(names(session)).hasSize(1);
        assertThat(attached).as("not at every listing").isEqualTo(2);
    }

    /** What a reboot leaves of the old kernel can be whole: only the search of all memory finds the one that runs. */
    @Test
    void theOldKernelThatIsStillWholeIsNotShownForLong() {
        Boot next = new Boot("7.2.0-b", 9_000);
        // What is read goes on to be the old kernel's memory, where its clock stands, until the new one is found.
        GuestSession session = new GuestSession(URI, new SwitchedGuest(), SwitchedGuest::new, guest -> {
            now = attached == 0 ? now : next;
            return attach(guest);
        }, () -> nanos);
        assertThat(names(session)).containsExactly("init of 6.1.0-a");
        nanos += TimeUnit.SECONDS.toNanos(2);
        assertThat(names(session)).containsExactly("init of 7.2.0-b");
        assertThat(session.news()).hasSize(1);
    }

    @Test
    void aGuestThatIsGoneIsOpenedOnceMore() {
        GuestSession session = session();
        now = new Boot("7.2.0-b", 9_000);
        gone = true;
        assertThat(names(session)).containsExactly("init of 7.2.0-b");
        assertThat(opened).isOne();
        assertThat(closed).as("the one that is gone").isOne();
        assertThat(session.news()).containsExactly(
                "fake:guest was started anew: it ran 6.1.0-a, and now runs 7.2.0-b");
    }

    @Test
    void anImageCannotChange() {
        live = false;
        GuestSession session = session();
        now = new Boot("7.2.0-b", 9_000);
        nanos += TimeUnit.SECONDS.toNanos(60);
        assertThat(names(session)).containsExactly("init of 6.1.0-a");
        assertThat(attached).isOne();
    }
}
