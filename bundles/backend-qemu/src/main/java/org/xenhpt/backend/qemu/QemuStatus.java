// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.util.LinkedHashSet;
import java.util.Set;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;

/** What QEMU says of a guest over QMP. */
final class QemuStatus {
    private static final int MAX_NAME = 256;

    private QemuStatus() {
    }

    static GuestInfo ask(GuestUri uri, QmpClient qmp) {
        String name = qmp.execute("query-name").get("name").text("");
        boolean kvm = qmp.execute("query-kvm").get("enabled").isTrue();
        return new GuestInfo(uri,
                name.isEmpty() ? uri.name() : name.substring(0, Math.min(name.length(), MAX_NAME)),
                "QEMU " + qmp.version() + (kvm ? " (KVM)" : " (TCG)"),
                state(qmp.execute("query-status")), memory(qmp), qmp.execute("query-cpus-fast").elements().size());
    }

    /** Thread numbers of the vCPUs as QEMU sees them: one for all of them with {@code -accel tcg,thread=single}. */
    static Set<Long> vcpuThreads(QmpClient qmp) {
        Set<Long> threads = new LinkedHashSet<>();
        for (QmpValue vcpu : qmp.execute("query-cpus-fast").elements()) {
            threads.add(vcpu.get("thread-id").number(-1));
        }
        return threads;
    }

    private static long memory(QmpClient qmp) {
        try {
            QmpValue sizes = qmp.execute("query-memory-size-summary");
            long bytes = sizes.get("base-memory").number(-1) + sizes.get("plugged-memory").number(0);
            return bytes < 0 ? -1 : bytes;
        } catch (HptException e) {
            if (e.reason() == Reason.GUEST_GONE) {
                throw e;
            }
            return -1;
        }
    }

    /** The states of QEMU's RunState (qapi/run-state.json). */
    private static GuestState state(QmpValue status) {
        return switch (status.get("status").text("")) {
            case "running" -> GuestState.RUNNING;
            case "shutdown" -> GuestState.SHUT_OFF;
            case "guest-panicked", "internal-error" -> GuestState.CRASHED;
            case "paused", "prelaunch", "inmigrate", "postmigrate", "finish-migrate", "save-vm", "restore-vm",
                    "suspended", "debug", "io-error", "watchdog", "colo" -> GuestState.PAUSED;
            default -> GuestState.UNKNOWN;
        };
    }
}
