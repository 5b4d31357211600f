// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Backend;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestUri;

/** Reaches running guests of QEMU by the path of a QMP socket: {@code qemu:/run/vm.qmp}. */
@Component
public final class QemuBackend implements Backend {
    static final String SCHEME = "qemu";

    private final QmpClient.Patience patience;

    public QemuBackend() {
        this(QmpClient.Patience.NORMAL);
    }

    QemuBackend(QmpClient.Patience patience) {
        this.patience = patience;
    }

    @Override
    public String scheme() {
        return SCHEME;
    }

    @Override
    public List<GuestInfo> guests() {
        return List.copyOf(RunningQemus.list());
    }

    @Override
    public Guest open(GuestUri uri) {
        Path socket;
        try {
            socket = Path.of(uri.name()).toAbsolutePath();
        } catch (InvalidPathException e) {
            throw new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, uri.toString(), "not a path of a socket", e);
        }
        return QemuGuest.open(uri, socket, patience);
    }
}
