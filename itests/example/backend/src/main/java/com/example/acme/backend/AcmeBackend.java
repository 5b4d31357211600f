// SPDX-License-Identifier: Apache-2.0
package com.example.acme.backend;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
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

/** Opens {@code acme:FILE}, a snapshot of an appliance. */
@Component
public final class AcmeBackend implements Backend {
    @Override
    public String scheme() {
        return "acme";
    }

    @Override
    public List<GuestInfo> guests() {
        return List.of();
    }

    @Override
    public Guest open(GuestUri uri) {
        try {
            return new AcmeGuest(uri, Snapshot.open(Path.of(uri.name())));
        } catch (NoSuchFileException | InvalidPathException e) {
            throw new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, uri.toString(), "no such file", e);
        } catch (AccessDeniedException e) {
            throw new HptException(Step.BACKEND, Reason.ACCESS_DENIED, uri.toString(), "the file may not be read", e);
        } catch (IOException e) {
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, uri.toString(), e.getMessage(), e);
        }
    }
}
