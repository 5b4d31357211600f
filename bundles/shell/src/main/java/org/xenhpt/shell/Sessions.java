// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.osgi.framework.ServiceReference;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.frontend.FrontEnd;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.Backend;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.profile.ProfileCache;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.profile.ProfileStore;
import org.xenhpt.api.progress.Progress;

/**
 * The sessions of this process. A single command closes its session when it has its answer; a shell that stays up keeps a
 * few, so that asking the same guest again is quick. They are dropped when what they were made with changes: the profiles
 * folder, the image's file, or a backend, decoder or source of profiles that comes or goes.
 */
@Component(service = Sessions.class)
public class Sessions {
    private static final int MOST_KEPT = 8;

    /** A session for one command. */
    public final class Lease implements AutoCloseable {
        private final Session session;
        private final boolean kept;

        private Lease(Session session, boolean kept) {
            this.session = session;
            this.kept = kept;
        }

        public Session session() {
            return session;
        }

        @Override
        public void close() {
            if (!kept) {
                session.close();
            }
        }
    }

    private ProfileStore store;
    private Path firstFolder = Path.of("");
    private volatile ProfileCache cache;
    private volatile boolean caching = true;
    private FrontEnd frontEnd;
    private boolean keep;
    private final Map<String, Session> kept = new LinkedHashMap<>(16, 0.75f, true);

    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    synchronized void bindFrontEnd(FrontEnd service) {
        forget();
        frontEnd = service;
    }

    synchronized void unbindFrontEnd(FrontEnd service) {
        if (frontEnd == service) {
            forget();
            frontEnd = null;
        }
    }

    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    synchronized void bindStore(ProfileStore service) {
        forget();
        store = service;
        firstFolder = service.folder();
    }

    synchronized void unbindStore(ProfileStore service) {
        if (store == service) {
            forget();
            store = null;
        }
    }

    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    void bindCache(ProfileCache service) {
        cache = service;
        caching = true;
    }

    void unbindCache(ProfileCache service) {
        if (cache == service) {
            cache = null;
        }
    }

    @Reference(service = Backend.class, cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void addBackend(ServiceReference<Backend> service) {
        forget();
    }

    void removeBackend(ServiceReference<Backend> service) {
        forget();
    }

    @Reference(service = Decoder.class, cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void addDecoder(ServiceReference<Decoder> service) {
        forget();
    }

    void removeDecoder(ServiceReference<Decoder> service) {
        forget();
    }

    @Reference(service = ProfileSource.class, cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC)
    void addSource(ServiceReference<ProfileSource> service) {
        forget();
    }

    void removeSource(ServiceReference<ProfileSource> service) {
        forget();
    }

    /** From now on sessions stay open for the next command. */
    synchronized void keep() {
        keep = true;
    }

    /** The front end. Throws when none is installed. */
    public synchronized FrontEnd frontEnd() {
        if (frontEnd == null) {
            throw new HptException(Step.FRONT_END, Reason.INTERNAL, "", "no front end is installed")
                    .next("install the distribution anew, or look at what it logs with --verbose");
        }
        return frontEnd;
    }

    /** The profiles folder. Throws when no bundle for it is installed. */
    public synchronized ProfileStore store() {
        ProfileStore current = store;
        if (current == null) {
            throw new HptException(Step.PROFILE, Reason.INTERNAL, "", "no profiles bundle is installed")
                    .next("install the distribution anew, or look at what it logs with --verbose");
        }
        return current;
    }

    /** Makes the platform use this profiles folder, or the one it came up with. */
    synchronized void useProfiles(Optional<Path> wanted) {
        ProfileStore current = store;
        if (current == null) {
            return;
        }
        Path folder = wanted.orElse(firstFolder);
        if (!current.folder().toAbsolutePath().normalize().equals(folder.toAbsolutePath().normalize())) {
            current.use(folder);
            forget();
        }
    }

    /** Whether what was learnt may be used and kept from now on. */
    void useCache(boolean on) {
        ProfileCache current = cache;
        if (current != null && caching != on) {
            caching = on;
            current.enable(on);
            forget();
        }
    }

    /** A session for the guest: a kept one, or a new one. */
    public synchronized Lease attach(GuestUri guest, Progress progress) {
        String key = keep ? guest + " " + state(guest) + " " + profiles() : "";
        Session known = kept.get(key);
        if (known != null) {
            return new Lease(known, true);
        }
        Session session = frontEnd().attach(guest, progress);
        // A session that lacks something is not kept, so that the next command finds what was added in the meantime.
        boolean keepIt = keep && session.problem().isEmpty();
        if (keepIt) {
            kept.put(key, session);
            if (kept.size() > MOST_KEPT) {
                String eldest = kept.keySet().iterator().next();
                kept.remove(eldest).close();
            }
        }
        return new Lease(session, keepIt);
    }

    /** A session failed: the next command starts afresh. */
    public synchronized void drop(Session session) {
        if (kept.values().remove(session)) {
            session.close();
        }
    }

    /** Closes what is kept. */
    @Deactivate
    synchronized void forget() {
        List<Session> all = new ArrayList<>(kept.values());
        kept.clear();
        all.forEach(Session::close);
    }

    /** What tells that no profile came, went or changed. */
    private String profiles() {
        ProfileStore current = store;
        StringBuilder state = new StringBuilder();
        if (current != null) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(current.folder())) {
                for (Path file : files) {
                    state.append(file.getFileName()).append(Files.getLastModifiedTime(file));
                }
            } catch (IOException | DirectoryIteratorException e) {
                // A folder that cannot be listed gives no profiles: whoever needs one will say so.
            }
        }
        return state.toString();
    }

    /** What tells that an image's file is still the same one. */
    private static String state(GuestUri guest) {
        if (!guest.scheme().equals("file")) {
            return "";
        }
        try {
            BasicFileAttributes file = Files.readAttributes(Path.of(guest.name()), BasicFileAttributes.class);
            return file.fileKey() + " " + file.size() + " " + file.lastModifiedTime();
        } catch (IOException | RuntimeException e) {
            return "";
        }
    }
}
