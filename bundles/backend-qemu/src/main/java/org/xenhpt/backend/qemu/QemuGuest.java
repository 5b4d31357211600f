// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.VcpuRegisters;

/** An opened guest of QEMU. Its QMP socket is connected only while something is asked. */
final class QemuGuest implements Guest {
    private final GuestInfo info;
    private final Path socket;
    private final QmpClient.Patience patience;
    private final Set<Long> vcpuThreads;
    private final QemuProcess process;
    private final GuestRam ram;

    private QemuGuest(GuestInfo info, Path socket, QmpClient.Patience patience, Set<Long> vcpuThreads,
            QemuProcess process, GuestRam ram) {
        this.info = info;
        this.socket = socket;
        this.patience = patience;
        this.vcpuThreads = vcpuThreads;
        this.process = process;
        this.ram = ram;
    }

    static QemuGuest open(GuestUri uri, Path socket, QmpClient.Patience patience) {
        String subject = uri.toString();
        try (QmpClient qmp = QmpClient.connect(subject, socket, patience)) {
            QemuStatus status = QemuStatus.ask(uri, qmp);
            QemuProcess process = new QemuFinder(subject, socket).find(status.threads());
            try {
                return new QemuGuest(status.info(), socket, patience, status.threads(), process,
                        new RamLocator(subject, qmp, process).locate());
            } catch (RuntimeException e) {
                process.close();
                throw e;
            }
        }
    }

    /** As it was when the guest was opened. */
    @Override
    public GuestInfo info() {
        return info;
    }

    @Override
    public PhysicalMemory memory() {
        return ram;
    }

    /**
     * {@inheritDoc} The package's documentation says what this costs.
     *
     * @throws HptException {@code GUEST_GONE}; {@code UNREADABLE_GUEST} when the QMP socket is busy
     */
    @Override
    public List<VcpuRegisters> registers() {
        process.requireAlive();
        try (QmpClient qmp = QmpClient.connect(info.uri().toString(), socket, patience)) {
            if (!QemuStatus.ask(info.uri(), qmp).threads().containsAll(vcpuThreads)) {
                throw new HptException(Step.BACKEND, Reason.GUEST_GONE, info.uri().toString(),
                        "another guest serves the QMP socket now, or vCPUs were unplugged")
                        .next("open the guest again");
            }
            return List.copyOf(RegisterDump.parse(qmp.monitor("info registers -a")));
        }
    }

    @Override
    public void close() {
        ram.close();
        process.close();
    }
}
