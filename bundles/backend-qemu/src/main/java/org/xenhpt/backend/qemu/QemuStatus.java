// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;

/**
 * What QEMU says of a guest over QMP.
 *
 * @param threads thread numbers of the vCPUs as QEMU sees them; with {@code -accel tcg,thread=single} all have one
 */
record QemuStatus(GuestInfo info, Set<Long> threads) {
    private static final int MAX_NAME = 256;

    static QemuStatus ask(GuestUri uri, QmpClient qmp) {
        List<QmpValue> answers = qmp.execute(List.of("query-name", "query-kvm", "query-status",
                "query-memory-size-summary", "query-cpus-fast"));
        String name = answers.get(0).get("name").text("");
        boolean kvm = answers.get(1).get("enabled").isTrue();
        GuestInfo info = new GuestInfo(uri,
                name.isEmpty() ? uri.name() : name.substring(0, Math.min(name.length(), MAX_NAME)),
                "QEMU " + qmp.version() + (kvm ? " (KVM)" : " (TCG)"), state(answers.get(2)), memory(answers.get(3)),
                answers.get(4).elements().size());
        return new QemuStatus(info, threads(answers.get(4)));
    }

    private static Set<Long> threads(QmpValue vcpus) {
        Set<Long> threads = new LinkedHashSet<>();
        for (QmpValue vcpu : vcpus.elements()) {
            threads.add(vcpu.get("thread-id").number(-1));
        }
        return threads;
    }

    private static long memory(QmpValue sizes) {
        long base = sizes.get("base-memory").number(-1);
        long plugged = sizes.get("plugged-memory").number(0);
        return base < 0 || plugged < 0 || base + plugged < 0 ? -1 : base + plugged;
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
