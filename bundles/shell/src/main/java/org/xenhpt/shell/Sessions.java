// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.io.IOException;
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

    /** An open session, and who uses it. */
    private static final class Open {
        private final Session session;
        /** What the profiles were when it was made. */
        private final long version;
        private int users;
        private boolean kept;

        private Open(Session session, long version) {
            this.session = session;
            this.version = version;
        }
    }

    /** A session for one command. */
    public final class Lease implements AutoCloseable {
        private final Open open;

        private Lease(Open open) {
            this.open = open;
        }

        public Session session() {
            return open.session;
        }

        @Override
        public void close() {
            giveBack(open);
        }
    }

    private ProfileStore store;
    private volatile ProfileCache cache;
    private volatile boolean caching = true;
    private List<Path> firstFolders = List.of();
    private FrontEnd frontEnd;
    private boolean keep;
    private final Map<String, Open> kept = new LinkedHashMap<>(16, 0.75f, true);

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
        firstFolders = service.folders();
        if (keep) {
            service.watch();
        }
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
        if (store != null) {
            store.watch();
        }
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

    /** Makes the platform use this profiles folder, or those it came up with. */
    synchronized void useProfiles(Optional<Path> wanted) {
        ProfileStore current = store;
        if (current == null) {
            return;
        }
        List<Path> folders = wanted.map(List::of).orElse(firstFolders);
        if (!normal(current.folders()).equals(normal(folders))) {
            current.use(folders);
            forget();
        }
    }

    private static List<Path> normal(List<Path> folders) {
        return folders.stream().map(folder -> folder.toAbsolutePath().normalize()).toList();
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
        String key = guest + " " + state(guest);
        long version = version();
        Open known = kept.get(key);
        if (known != null && known.version == version) {
            known.users++;
            return new Lease(known);
        }
        if (known != null) {
            retire(kept.remove(key));
        }
        Open open = new Open(frontEnd().attach(guest, progress), version);
        open.users = 1;
        // A session that lacks something is not kept, so that the next command finds what was added in the meantime.
        if (keep && open.session.problem().isEmpty()) {
            open.kept = true;
            kept.put(key, open);
            if (kept.size() > MOST_KEPT) {
                retire(kept.remove(kept.keySet().iterator().next()));
            }
        }
        return new Lease(open);
    }

    private synchronized void giveBack(Open open) {
        open.users--;
        if (open.users == 0 && !open.kept) {
            open.session.close();
        }
    }

    /** The session is not for later commands; whoever still uses it does so to its end. */
    private synchronized void retire(Open open) {
        open.kept = false;
        if (open.users == 0) {
            open.session.close();
        }
    }

    /** A session failed: the next command starts afresh. */
    public synchronized void drop(Session session) {
        List<Open> dropped = kept.values().stream().filter(open -> open.session == session).toList();
        kept.values().removeAll(dropped);
        dropped.forEach(this::retire);
    }

    /** Closes what is kept. */
    @Deactivate
    synchronized void forget() {
        List<Open> all = new ArrayList<>(kept.values());
        kept.clear();
        all.forEach(this::retire);
    }

    private long version() {
        return store == null ? 0 : store.version();
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
