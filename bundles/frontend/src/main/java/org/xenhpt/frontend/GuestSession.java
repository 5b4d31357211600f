// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.VcpuRegisters;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.api.process.Location;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.translation.AddressSpace;

/** A guest that was attached to; readings take turns. */
final class GuestSession implements Session {
    private static final int LOCATE_READINGS = 10;

    private final GuestUri uri;
    private final Guest guest;
    private final KernelIdentity identity;
    private final AddressSpace space;
    private final Optional<Kernel> kernel;
    private final Optional<String> decoder;
    private final Optional<TaskReader> reader;
    private final Optional<HptException> problem;
    private final List<Finding> findings;
    private boolean closed;

    /** One that can list processes. */
    GuestSession(GuestUri uri, Guest guest, Kernel kernel, AddressSpace space, String decoder, TaskReader reader,
            List<Finding> findings) {
        this.uri = uri;
        this.guest = guest;
        this.identity = kernel.identity();
        this.space = space;
        this.kernel = Optional.of(kernel);
        this.decoder = Optional.of(decoder);
        this.reader = Optional.of(reader);
        this.problem = Optional.empty();
        this.findings = List.copyOf(findings);
    }

    /** One that knows which kernel runs, and no more. */
    GuestSession(GuestUri uri, Guest guest, KernelIdentity identity, AddressSpace space,
            List<Finding> findings, HptException problem) {
        this.uri = uri;
        this.guest = guest;
        this.identity = identity;
        this.space = space;
        this.kernel = Optional.empty();
        this.decoder = Optional.empty();
        this.reader = Optional.empty();
        this.problem = Optional.of(problem);
        this.findings = List.copyOf(findings);
    }

    @Override
    public Guest guest() {
        return guest;
    }

    @Override
    public KernelIdentity identity() {
        return identity;
    }

    @Override
    public AddressSpace space() {
        return space;
    }

    @Override
    public Optional<Kernel> kernel() {
        return kernel;
    }

    @Override
    public Optional<String> decoder() {
        return decoder;
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
    public synchronized ProcessTable processes(TaskQuery query) {
        return reading(() -> reader().read(query));
    }

    @Override
    public synchronized List<CurrentTask> current(boolean registers) {
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
    public synchronized Location locate(int vcpu) {
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
        return reader.orElseThrow(problem::get);
    }

    private <T> T reading(Supplier<T> work) {
        if (closed) {
            throw new IllegalStateException("the session with " + uri + " is closed");
        }
        return Faults.named(uri, work);
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            guest.close();
        }
    }
}
