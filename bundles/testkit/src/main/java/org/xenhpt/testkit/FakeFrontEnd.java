// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.testkit;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.frontend.FrontEnd;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestUri;
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
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;

/**
 * A front end with fake guests, for tests of commands: a session tells the tasks that its {@link FakeLinux} was made with,
 * without any decoder.
 */
public final class FakeFrontEnd implements FrontEnd {
    private final Map<String, FakeLinux> guests = new LinkedHashMap<>();
    private List<Gap> gaps = List.of();
    private int openSessions;

    /** Adds a guest, to be attached to as {@code fake:NAME}. */
    public FakeFrontEnd guest(String name, FakeLinux linux) {
        guests.put(name, linux);
        return this;
    }

    /** From now on each listing lacks this. */
    public FakeFrontEnd gaps(Gap... missing) {
        gaps = List.of(missing);
        return this;
    }

    /** How many sessions were attached and not closed. */
    public int openSessions() {
        return openSessions;
    }

    @Override
    public Listing guests() {
        return new Listing(guests.entrySet().stream().map(each -> info(each.getKey(), each.getValue())).toList(),
                List.of());
    }

    private static GuestInfo info(String name, FakeLinux linux) {
        GuestInfo plain = linux.guest().info();
        return new GuestInfo(new GuestUri("fake", name), name, plain.type(), plain.state(), plain.memoryBytes(),
                plain.vcpus());
    }

    @Override
    public List<String> schemes() {
        return List.of("fake");
    }

    @Override
    public Needs needs() {
        return Needs.NONE;
    }

    @Override
    public Session attach(GuestUri uri, Progress progress) {
        FakeLinux linux = guests.get(uri.name());
        if (linux == null || !uri.scheme().equals("fake")) {
            throw new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, uri.toString(), "there is no such fake guest")
                    .next("there are " + guests.keySet() + ", each named fake:NAME");
        }
        openSessions++;
        return new FakeSession(linux);
    }

    private final class FakeSession implements Session {
        private final FakeLinux linux;
        private boolean closed;

        FakeSession(FakeLinux linux) {
            this.linux = linux;
        }

        @Override
        public Guest guest() {
            return linux.guest();
        }

        @Override
        public KernelIdentity identity() {
            return linux.kernel().identity();
        }

        @Override
        public AddressSpace space() {
            return linux.space();
        }

        @Override
        public Optional<Kernel> kernel() {
            return Optional.of(linux.kernel());
        }

        @Override
        public Optional<String> decoder() {
            return Optional.of("fake");
        }

        @Override
        public Optional<HptException> problem() {
            return Optional.empty();
        }

        @Override
        public List<Finding> findings() {
            return List.of();
        }

        @Override
        public ProcessTable processes(TaskQuery query) {
            return new ProcessTable(linux.tasks(query.threads()), gaps, 1, Task.UNKNOWN);
        }

        @Override
        public List<CurrentTask> current(boolean registers) {
            return List.of(linux.running());
        }

        @Override
        public Location locate(int vcpu) {
            throw new HptException(Step.DECODER, Reason.NO_DECODER, "fake", "a fake guest does not tell where stacks lie");
        }

        @Override
        public Profile learn(Needs also, Progress progress) {
            return linux.kernel().profile();
        }

        @Override
        public void close() {
            if (!closed) {
                closed = true;
                openSessions--;
            }
        }
    }
}
