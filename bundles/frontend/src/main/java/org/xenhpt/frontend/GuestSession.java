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
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.Backend;
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
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.progress.Progress;
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
    /** How often a kernel whose tasks could not be made out is looked at again. */
    private static final long AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final int MOST_NEWS = 16;
    private static final int LOCATE_READINGS = 10;
    /** How often a reading is begun again because what it rests on was exchanged meanwhile. */
    private static final int EXCHANGES = 5;

    private final GuestUri uri;
    private final Surroundings around;
    private final LongSupplier clock;
    private final List<String> news = new ArrayList<>();
    private volatile Optional<Plugin<Backend>> backend;
    private volatile Guest guest;
    private volatile Attached attached;
    private Optional<BootMark> mark = Optional.empty();
    /** When the guest's clock was last seen to have moved, or when it was looked at anew. */
    private long moved;
    /** The decoder that went, as long as it is not known what comes of that. */
    private Optional<Plugin<Decoder>> lost = Optional.empty();
    private boolean closed;

    /**
     * @param open   opens the guest once more, when it is gone
     * @param attach identifies its kernel anew
     * @param clock  nanoseconds, as of {@link System#nanoTime}
     */
    GuestSession(GuestUri uri, Guest guest, Supplier<Guest> open, Function<Guest, Attached> attach, LongSupplier clock) {
        this(uri, new Surroundings.Opened(Optional.empty(), guest), new Surroundings() {
            @Override
            public Opened open(Optional<Plugin<Backend>> lost) {
                return new Opened(Optional.empty(), open.get());
            }

            @Override
            public Attached attach(Guest opened) {
                return attach.apply(opened);
            }
        }, clock);
    }

    /** @param around what it lives among */
    GuestSession(GuestUri uri, Surroundings.Opened opened, Surroundings around, LongSupplier clock) {
        this.uri = uri;
        this.backend = opened.backend();
        this.guest = opened.guest();
        this.around = around;
        this.clock = clock;
        Attached first = around.attach(guest);
        use(first, markOf(first));
    }

    private void use(Attached now, Optional<BootMark> itsMark) {
        attached = now;
        mark = itsMark;
        moved = clock.getAsLong();
    }

    private Optional<BootMark> markOf(Attached now) {
        return now.use().filter(use -> guest.memory().live()).map(use -> BootMark.read(use.kernel(), now.space()));
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
            ProcessTable table = asked(reader -> reader.read(query));
            if (table.tasks().isEmpty() && table.gaps().isEmpty() && guest.memory().live()) {
                throw notUp("its kernel " + identity().release() + " has not started a process yet");
            }
            return table;
        });
    }

    @Override
    public List<CurrentTask> current(boolean registers) {
        return reading(() -> {
            reader();
            List<VcpuRegisters> vcpus = registers ? guest.registers() : List.of();
            if (registers && vcpus.isEmpty()) {
                throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, uri.toString(),
                        "has no vCPU registers").next("leave out --registers: memory alone tells the running task too");
            }
            return asked(reader -> reader.current(vcpus));
        });
    }

    @Override
    public Location locate(int vcpu) {
        return reading(() -> {
            reader();
            Location location = locateOnce(vcpu);
            // A live vCPU runs on between the reading of its registers and of memory: what does not agree may be of two
            // moments.
            for (int again = 1; again < LOCATE_READINGS && guest.memory().live()
                    && location.agreement() == Location.Agreement.DISAGREE; again++) {
                location = locateOnce(vcpu);
            }
            return location;
        });
    }

    @Override
    public Profile learn(Needs also, Progress progress) {
        return reading(() -> around.learn(guest, attached, also, progress));
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

    private Location locateOnce(int vcpu) {
        VcpuRegisters registers = registers(vcpu);
        return asked(reader -> reader.locate(registers));
    }

    private <T> T asked(Function<TaskReader, T> question) {
        TaskReader reader = reader();
        return around.asked(attached.use().flatMap(Attached.Use::plugin), () -> question.apply(reader));
    }

    private TaskReader reader() {
        return attached.use().map(Attached.Use::reader).orElseThrow(() -> attached.problem().orElseThrow());
    }

    @Override
    public void refresh() {
        reading(() -> true, false);
    }

    private <T> T reading(Supplier<T> work) {
        return reading(work, true);
    }

    /** @param look whether to look if the guest still runs what it ran */
    private synchronized <T> T reading(Supplier<T> work, boolean look) {
        if (closed) {
            throw new IllegalStateException("the session with " + uri + " is closed");
        }
        return Faults.named(uri, () -> {
            for (int exchanges = 0; ; exchanges++) {
                long generation = around.generation();
                try {
                    goOver();
                    return around.asked(backend, () -> once(work, look));
                } catch (HptException failure) {
                    boolean mayBeBetter = generation != around.generation() || failure.reason() == Reason.TAKEN_AWAY;
                    if (exchanges == EXCHANGES || !mayBeBetter || failure instanceof TakenAway) {
                        throw failure;
                    }
                    // What was exchanged in the midst of it may be why it failed.
                    LOG.debug("{} is read again, for something came or went meanwhile", uri, failure);
                }
            }
        });
    }

    private <T> T once(Supplier<T> work, boolean look) {
        if (!guest.memory().live() || !look) {
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
    }

    /** Goes over to the backend, the profile and the decoder that are the best now. */
    private void goOver() {
        if (!around.isBest(backend)) {
            goOverToBackend();
        }
        Attached before = attached;
        before.use().flatMap(Attached.Use::plugin).filter(Plugin::isGone).ifPresent(gone -> lost = Optional.of(gone));
        Attached now = around.follow(guest, before);
        while (now.use().isEmpty() && lost.isPresent() && around.mayHaveSuccessor(lost.get())) {
            now = around.follow(guest, now);
        }
        if (now.use().isEmpty() && lost.isPresent()) {
            HptException why = new TakenAway(uri, lost.get());
            now.problem().ifPresent(problem -> problem.tried().forEach(why::tried));
            now = now.without(why, now.space());
        }
        lost = Optional.empty();
        if (now == before) {
            return;
        }
        if (now.use().isPresent() && now.use().equals(before.use())) {
            attached = now;
        } else {
            release(before);
            use(now, markOf(now));
            tellHowItIsRead(now);
        }
    }

    private void goOverToBackend() {
        Optional<Plugin<Backend>> old = backend;
        boolean isLost = old.filter(plugin -> !plugin.isGone()).isEmpty();
        Surroundings.Opened better;
        try {
            better = around.open(old);
        } catch (HptException failure) {
            if (isLost) {
                throw failure;
            }
            // The old one is as good as it was; the new one is asked again when something changes.
            around.decline(failure);
            return;
        }
        Attached now;
        try {
            now = around.attach(better.guest());
        } catch (RuntimeException failure) {
            close(better.guest());
            throw failure;
        }
        release(attached);
        close(guest);
        backend = better.backend();
        guest = better.guest();
        use(now, markOf(now));
        news(uri + " is read through " + backend.map(Plugin::toString).orElse("another backend") + " from now on"
                + (isLost ? old.map(plugin -> ", for " + plugin + " was taken away").orElse("") : ""));
    }

    private void tellHowItIsRead(Attached now) {
        if (now.use().isEmpty()) {
            return;
        }
        Attached.Use is = now.use().get();
        String decoder = is.plugin().map(Plugin::toString).orElse(is.decoder());
        news(uri + " is read with the profile " + is.kernel().profile().name() + ", made from "
                + is.kernel().profile().origin().source() + ", by decoder " + decoder + " from now on");
    }

    /** Lets go of what a service that went gave, and keeps the rest. */
    synchronized void letGo(Plugin<?> went) {
        if (closed) {
            return;
        }
        if (backend.filter(plugin -> plugin == went).isPresent() && !(guest instanceof NoGuest)) {
            LOG.warn("{} was read through {}, which was taken away", uri, went);
            release(attached);
            close(guest);
            guest = new NoGuest(uri);
            attached = attached.without(new TakenAway(uri, went), around.nowhere(attached));
            mark = Optional.empty();
        } else if (attached.use().flatMap(Attached.Use::plugin).filter(plugin -> plugin == went).isPresent()) {
            LOG.info("{} was read by decoder {}, which was taken away", uri, went);
            lost = attached.use().flatMap(Attached.Use::plugin);
            release(attached);
            attached = attached.without(new TakenAway(uri, went), attached.space());
            mark = Optional.empty();
        }
    }

    private void release(Attached old) {
        old.use().ifPresent(use -> around.release(use.plugin(), () -> use.reader().close()));
    }

    private void close(Guest given) {
        around.release(backend, given::close);
    }

    private void news(String what) {
        if (news.size() < MOST_NEWS) {
            news.add(what);
        }
    }

    private static boolean isOfTheGuest(Reason reason) {
        return reason == Reason.MEMORY_FAULT || reason == Reason.INCONSISTENT;
    }

    /** Looks whether the guest still runs what it ran. */
    private void notice() {
        if (attached.use().isEmpty()) {
            tryAgain();
        }
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
        now.secondsBack(was).ifPresent(seconds -> news(uri + " went back in time: its clock by " + seconds
                + " s, as after a snapshot"));
        if (now.seconds().isEmpty() || !now.seconds().equals(was.seconds())) {
            moved = time;
        } else if (time - moved > PATIENCE_NANOS) {
            moved = time;
            lookAgain("its clock stood still");
        }
    }

    /** A kernel whose tasks could not be made out was perhaps not up, and is so now. */
    private void tryAgain() {
        boolean wasTaken = attached.problem().filter(TakenAway.class::isInstance).isPresent();
        if (wasTaken || clock.getAsLong() - moved < AGAIN_NANOS) {
            return;
        }
        Attached before = attached;
        Attached now = identified("its kernel is no longer where it was");
        use(now, markOf(now));
        if (now.identity().banner().equals(before.identity().banner())) {
            tellHowItIsRead(now);
        } else {
            tell(before, now, "rebooted");
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
        Attached now = identified(why);
        if (now.use().isEmpty() && before.use().isPresent()
                && now.identity().banner().equals(before.identity().banner())) {
            // It can be read, as it was before; what is missing is its tasks.
            HptException early = notUp("it ran " + before.identity().release() + ", and " + why);
            now.problem().ifPresent(problem -> problem.tried().forEach(early::tried));
            throw early;
        }
        boolean sameKernel = now.identity().rootGpa() == before.identity().rootGpa()
                && now.identity().kaslrOffset() == before.identity().kaslrOffset()
                && now.identity().banner().equals(before.identity().banner());
        Optional<BootMark> nowMark = markOf(now);
        if (sameKernel && mark.isPresent() && nowMark.isPresent() && nowMark.get().isSameBootAs(mark.get())) {
            release(now);
            return false;
        }
        release(before);
        use(now, nowMark);
        tell(before, now, "rebooted");
        return true;
    }

    private Attached identified(String why) {
        try {
            return around.attach(guest);
        } catch (HptException failure) {
            if (failure.reason() != Reason.NOT_IDENTIFIED) {
                throw failure;
            }
            HptException early = notUp("it ran " + attached.identity().release() + ", and " + why);
            early.tried(failure.detail());
            throw early;
        }
    }

    /** The guest is gone: a guest that was restarted or moved can often be reached by its name again. */
    private void openAgain(HptException gone) {
        Surroundings.Opened again;
        try {
            again = around.open(Optional.empty());
        } catch (HptException stillGone) {
            throw gone;
        }
        Attached now;
        try {
            now = around.attach(again.guest());
        } catch (RuntimeException failure) {
            close(again.guest());
            if (failure instanceof HptException known && known.reason() == Reason.NOT_IDENTIFIED) {
                throw notUp("it was started anew");
            }
            throw failure;
        }
        Attached before = attached;
        release(before);
        close(guest);
        backend = again.backend();
        guest = again.guest();
        use(now, markOf(now));
        tell(before, now, "was started anew");
    }

    private void tell(Attached before, Attached now, String what) {
        String was = before.identity().release();
        String is = now.identity().release();
        news(uri + " " + what + (now.identity().banner().equals(before.identity().banner())
                    ? ", with the same kernel " + is : is.equals(was) ? ", with another build of " + is
                    : ": it ran " + was + ", and now runs " + is));
    }

    private HptException notUp(String detail) {
        return new HptException(Step.FRONT_END, Reason.NOT_UP, uri.toString(), "is not up yet: " + detail)
                .next("ask again in a moment");
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            release(attached);
            close(guest);
        }
    }
}
