// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestUri;
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
 * A session whose work is done on a thread that can be left behind. What was left behind keeps its guest until its thread
 * comes back; the next reading attaches to the guest anew, on a new thread.
 */
final class GuardedSession implements Session {
    private static final Logger LOG = LoggerFactory.getLogger(GuardedSession.class);

    /** Makes what does the work. */
    interface Maker {
        GuestSession make(Calls calls);
    }

    /** A thread and what it works on. */
    private static final class Part {
        private final Calls calls;
        private final Worker worker;
        private volatile Optional<GuestSession> session = Optional.empty();

        private Part(String name, Calls calls) {
            this.calls = calls;
            this.worker = new Worker(name, calls, () -> session.ifPresent(GuestSession::close));
        }
    }

    private final GuestUri uri;
    private final Limits limits;
    private final Supplier<Calls> calls;
    private final Maker maker;
    private final Function<GuardedSession, Boolean> forget;
    private volatile Part part;
    private volatile GuestSession known;
    private volatile Optional<String> closedBecause = Optional.empty();

    /**
     * Attaches.
     *
     * @param calls  for one thread
     * @param maker  attaches on the thread that it is called by
     * @param forget when this is closed
     * @throws HptException as {@link org.xenhpt.api.frontend.FrontEnd#attach}
     */
    GuardedSession(GuestUri uri, Limits limits, Supplier<Calls> calls, Maker maker, Function<GuardedSession, Boolean> forget) {
        this.uri = uri;
        this.limits = limits;
        this.calls = calls;
        this.maker = maker;
        this.forget = forget;
        part = new Part("hpt-guest " + uri, calls.get());
        try {
            known = attach(part);
        } catch (RuntimeException | Error failure) {
            part.worker.close();
            throw failure;
        }
    }

    private GuestSession attach(Part on) {
        return on.worker.call(() -> {
            on.calls.searching();
            GuestSession made = blaming(on.calls, () -> maker.make(on.calls));
            if (on.calls.isLeftBehind()) {
                made.close();
            } else {
                on.session = Optional.of(made);
            }
            return made;
        }, limits.attach());
    }

    private static <T> T blaming(Calls calls, Supplier<T> work) {
        try {
            return work.get();
        } catch (HptException | Unwound known) {
            throw known;
        } catch (RuntimeException | Error failure) {
            throw calls.blamed(failure);
        }
    }

    private <T> T asked(Function<GuestSession, T> question) {
        return asked(question, limits.listing());
    }

    private synchronized <T> T asked(Function<GuestSession, T> question, long nanos) {
        closedBecause.ifPresent(why -> {
            throw new HptException(Step.FRONT_END, Reason.TAKEN_AWAY, uri.toString(), "the session is closed: " + why);
        });
        if (part.calls.isLeftBehind()) {
            part = new Part("hpt-guest " + uri, calls.get());
            try {
                known = attach(part);
            } catch (RuntimeException | Error failure) {
                part.calls.leaveBehind();
                part.worker.close();
                throw failure;
            }
        }
        Part on = part;
        GuestSession session = known;
        return on.worker.call(() -> {
            on.calls.reading();
            return blaming(on.calls, () -> question.apply(session));
        }, nanos);
    }

    /** A service went: nothing of it is to be held. Does not wait for that. */
    void letGo(Plugin<?> went) {
        Part on = part;
        on.worker.later(() -> on.session.ifPresent(session -> session.letGo(went)));
    }

    @Override
    public Guest guest() {
        return known.guest();
    }

    @Override
    public KernelIdentity identity() {
        return known.identity();
    }

    @Override
    public AddressSpace space() {
        return known.space();
    }

    @Override
    public Optional<Kernel> kernel() {
        return known.kernel();
    }

    @Override
    public Optional<String> decoder() {
        return known.decoder();
    }

    @Override
    public Optional<HptException> problem() {
        return known.problem();
    }

    @Override
    public List<Finding> findings() {
        return known.findings();
    }

    @Override
    public List<Attempt> ladder() {
        return known.ladder();
    }

    @Override
    public List<String> news() {
        // One that was left behind may hold the lock.
        return part.calls.isLeftBehind() ? List.of() : known.news();
    }

    @Override
    public void refresh() {
        asked(session -> {
            session.refresh();
            return true;
        });
    }

    @Override
    public ProcessTable processes(TaskQuery query) {
        return asked(session -> session.processes(query));
    }

    @Override
    public List<CurrentTask> current(boolean registers) {
        return asked(session -> session.current(registers));
    }

    @Override
    public Location locate(int vcpu) {
        return asked(session -> session.locate(vcpu));
    }

    @Override
    public Profile learn(Needs also, Progress progress) {
        return asked(session -> session.learn(also, progress), limits.attach());
    }

    @Override
    public void close() {
        close("by who opened it");
    }

    /** @param why whoever still asks is told this */
    void close(String why) {
        synchronized (this) {
            if (closedBecause.isPresent()) {
                return;
            }
            closedBecause = Optional.of(why);
        }
        forget.apply(this);
        Part on = part;
        if (!on.calls.isLeftBehind()) {
            try {
                on.worker.call(() -> {
                    on.calls.reading();
                    known.close();
                    return true;
                }, limits.listing());
            } catch (HptException | CancellationException failure) {
                LOG.warn("{} could not be given back: {}", uri, failure.getMessage());
            }
        }
        on.worker.close();
    }
}
