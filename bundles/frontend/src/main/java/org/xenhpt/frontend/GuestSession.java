// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.kernel.Attempt;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Location;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.translation.AddressSpace;

/**
 * A guest that was attached to; readings take turns. Before each reading of a live guest a few words tell whether it still
 * runs what it ran; if not, it is identified anew.
 *
 * <p>A reboot does not clear RAM: the old kernel can stay whole in it for long, and only its clock stands still. So does
 * that of a guest that is paused; therefore a clock that stands is a reason to look again, not a proof.
 */
final class GuestSession implements Session {
    private static final Logger LOG = LoggerFactory.getLogger(GuestSession.class);
    /** An idle kernel's seconds may be late by about one; and looking again costs as much as attaching. */
    private static final long PATIENCE_NANOS = TimeUnit.MILLISECONDS.toNanos(1500);
    private static final int MOST_NEWS = 16;
    private static final int LOCATE_READINGS = 10;

    private final GuestUri uri;
    private final Supplier<Guest> open;
    private final Function<Guest, Attached> attach;
    private final LongSupplier clock;
    private final List<String> news = new ArrayList<>();
    private volatile Guest guest;
    private volatile Attached attached;
    private Optional<BootMark> mark = Optional.empty();
    /** When the guest's clock was last seen to have moved, or when it was looked at anew. */
    private long moved;
    private boolean closed;

    /**
     * @param open   opens the guest once more, when it is gone
     * @param attach identifies its kernel anew
     * @param clock  nanoseconds, as of {@link System#nanoTime}
     */
    GuestSession(GuestUri uri, Guest guest, Supplier<Guest> open, Function<Guest, Attached> attach, LongSupplier clock) {
        this.uri = uri;
        this.guest = guest;
        this.open = open;
        this.attach = attach;
        this.clock = clock;
        use(attach.apply(guest));
    }

    private void use(Attached now) {
        attached = now;
        mark = now.use().filter(use -> guest.memory().live()).map(use -> BootMark.read(use.kernel(), now.space()));
        moved = clock.getAsLong();
    }

    @Override
    public Guest guest() {
        return guest;
    }

    @Override
    public KernelIdentity identity() {
        return attached.identity();
    }

    @Override
    public AddressSpace space() {
        return attached.space();
    }

    @Override
    public Optional<Kernel> kernel() {
        return attached.use().map(Attached.Use::kernel);
    }

    @Override
    public Optional<String> decoder() {
        return attached.use().map(Attached.Use::decoder);
    }

    @Override
    public Optional<HptException> problem() {
        return attached.problem();
    }

    @Override
    public List<Finding> findings() {
        return attached.findings();
    }

    @Override
    public List<Attempt> ladder() {
        return attached.ladder();
    }

    @Override
    public synchronized List<String> news() {
        List<String> told = List.copyOf(news);
        news.clear();
        return told;
    }

    @Override
    public ProcessTable processes(TaskQuery query) {
        return reading(() -> {
            ProcessTable table = reader().read(query);
            if (table.tasks().isEmpty() && table.gaps().isEmpty() && guest.memory().live()) {
                throw notUp("its kernel " + identity().release() + " has not started a process yet");
            }
            return table;
        });
    }

    @Override
    public List<CurrentTask> current(boolean registers) {
        return reading(() -> {
            TaskReader tasks = reader();
            List<VcpuRegisters> vcpus = registers ? guest.registers() : List.of();
            if (registers && vcpus.isEmpty()) {
                throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, uri.toString(),
                        "has no vCPU registers").next("leave out --registers: memory alone tells the running task too");
            }
            return tasks.current(vcpus);
        });
    }

    @Override
    public Location locate(int vcpu) {
        return reading(() -> {
            TaskReader tasks = reader();
            Location location = tasks.locate(registers(vcpu));
            // A live vCPU runs on between the reading of its registers and of memory: what does not agree may be of two
            // moments.
            for (int again = 1; again < LOCATE_READINGS && guest.memory().live()
                    && location.agreement() == Location.Agreement.DISAGREE; again++) {
                location = tasks.locate(registers(vcpu));
            }
            return location;
        });
    }

    private VcpuRegisters registers(int vcpu) {
        return guest.registers(vcpu).orElseGet(() -> {
            int vcpus = guest.info().vcpus();
            if (vcpu < 0 || vcpus > 0 && vcpu >= vcpus) {
                throw new HptException(Step.COMMAND, Reason.USAGE, uri.toString(), "has no vCPU " + vcpu)
                        .next("its " + vcpus + " vCPUs are counted from 0");
            }
            return new VcpuRegisters(vcpu, Map.of());
        });
    }

    private TaskReader reader() {
        return attached.use().map(Attached.Use::reader).orElseThrow(() -> attached.problem().orElseThrow());
    }

    private synchronized <T> T reading(Supplier<T> work) {
        if (closed) {
            throw new IllegalStateException("the session with " + uri + " is closed");
        }
        return Faults.named(uri, () -> {
            if (!guest.memory().live()) {
                return work.get();
            }
            try {
                notice();
                return work.get();
            } catch (HptException failure) {
                if (failure.reason() == Reason.GUEST_GONE) {
                    openAgain(failure);
                } else if (!isOfTheGuest(failure.reason()) || !lookAgain("its tasks could no longer be read")) {
                    throw failure;
                }
                return work.get();
            }
        });
    }

    private static boolean isOfTheGuest(Reason reason) {
        return reason == Reason.MEMORY_FAULT || reason == Reason.INCONSISTENT;
    }

    /** Looks whether the guest still runs what it ran. */
    private void notice() {
        if (mark.isEmpty()) {
            return;
        }
        Attached before = attached;
        before.space().refresh();
        BootMark was = mark.get();
        BootMark now = BootMark.read(before.use().orElseThrow().kernel(), before.space());
        if (!now.isSameBootAs(was)) {
            lookAgain(now.kernelThere() ? "its first process is another" : "its kernel is no longer where it was");
            return;
        }
        long time = clock.getAsLong();
        mark = Optional.of(now);
        if (now.seconds().isEmpty() || !now.seconds().equals(was.seconds())) {
            moved = time;
        } else if (time - moved > PATIENCE_NANOS) {
            moved = time;
            lookAgain("its clock stood still");
        }
    }

    /**
     * Identifies the guest anew.
     *
     * @return whether it runs something else now, or the same since another boot
     * @throws HptException {@code NOT_UP} when no kernel is recognised in it
     */
    private boolean lookAgain(String why) {
        LOG.debug("{} is identified anew: {}", uri, why);
        Attached before = attached;
        Attached now;
        try {
            now = attach.apply(guest);
        } catch (HptException failure) {
            if (failure.reason() != Reason.NOT_IDENTIFIED) {
                throw failure;
            }
            HptException early = notUp("it ran " + before.identity().release() + ", and " + why);
            early.tried(failure.detail());
            throw early;
        }
        boolean sameKernel = now.identity().rootGpa() == before.identity().rootGpa()
                && now.identity().kaslrOffset() == before.identity().kaslrOffset()
                && now.identity().banner().equals(before.identity().banner());
        Optional<BootMark> nowMark = now.use().map(use -> BootMark.read(use.kernel(), now.space()));
        if (sameKernel && mark.isPresent() && nowMark.isPresent() && nowMark.get().isSameBootAs(mark.get())) {
            return false;
        }
        use(now);
        tell(before, now, "rebooted");
        return true;
    }

    /** The guest is gone: a guest that was restarted or moved can often be reached by its name again. */
    private void openAgain(HptException gone) {
        Guest again;
        try {
            again = open.get();
        } catch (HptException stillGone) {
            throw gone;
        }
        Attached now;
        try {
            now = attach.apply(again);
        } catch (RuntimeException failure) {
            again.close();
            if (failure instanceof HptException known && known.reason() == Reason.NOT_IDENTIFIED) {
                throw notUp("it was started anew");
            }
            throw failure;
        }
        Attached before = attached;
        guest.close();
        guest = again;
        use(now);
        tell(before, now, "was started anew");
    }

    private void tell(Attached before, Attached now, String what) {
        String was = before.identity().release();
        String is = now.identity().release();
        if (news.size() < MOST_NEWS) {
            news.add(uri + " " + what + (now.identity().banner().equals(before.identity().banner())
                    ? ", with the same kernel " + is : is.equals(was) ? ", with another build of " + is
                    : ": it ran " + was + ", and now runs " + is));
        }
    }

    private HptException notUp(String detail) {
        return new HptException(Step.FRONT_END, Reason.NOT_UP, uri.toString(), "is not up yet: " + detail)
                .next("ask again in a moment");
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            guest.close();
        }
    }
}
