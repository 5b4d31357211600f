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
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ReferencePolicyOption;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.frontend.FrontEnd;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.profile.ProfileCache;
import org.xenhpt.api.profile.ProfileStore;
import org.xenhpt.api.progress.Progress;

/**
 * The sessions of this process. A single command closes its session when it has its answer; a shell that stays up keeps a
 * few, so that asking the same guest again is quick. They follow by themselves what comes, changes and goes; they are dropped
 * when the image's file is another one, or other folders of profiles are to be used.
 */
@Component(service = Sessions.class)
public class Sessions {
    private static final int MOST_KEPT = 8;

    /** An open session, and who uses it. */
    private static final class Open {
        private final Session session;
        private int users;
        private boolean kept;

        private Open(Session session) {
            this.session = session;
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

    /** A session for the guest: a kept one, or a new one. Who attaches keeps nobody else from it. */
    public Lease attach(GuestUri guest, Progress progress) {
        String key = guest + " " + state(guest);
        Optional<Open> known = known(key);
        if (known.isPresent()) {
            try {
                known.get().session.refresh();
                return new Lease(known.get());
            } catch (HptException failure) {
                drop(known.get().session);
                giveBack(known.get());
                // A new one could not tell what was there before.
                if (failure.reason() == Reason.TAKEN_AWAY) {
                    throw failure;
                }
            } catch (RuntimeException interrupted) {
                giveBack(known.get());
                throw interrupted;
            }
        }
        Open open = new Open(frontEnd().attach(guest, progress));
        open.users = 1;
        keep(key, open);
        return new Lease(open);
    }

    private synchronized Optional<Open> known(String key) {
        Optional<Open> known = Optional.ofNullable(kept.get(key));
        known.ifPresent(open -> open.users++);
        return known;
    }

    private synchronized void keep(String key, Open open) {
        if (!keep) {
            return;
        }
        open.kept = true;
        Open other = kept.put(key, open);
        if (other != null) {
            retire(other);
        }
        if (kept.size() > MOST_KEPT) {
            retire(kept.remove(kept.keySet().iterator().next()));
        }
    }

    /** From now on also a command that goes on follows the profiles. */
    public synchronized void watch() {
        if (store != null && !keep) {
            store.watch();
        }
    }

    private void giveBack(Open open) {
        boolean isLast;
        synchronized (this) {
            open.users--;
            isLast = open.users == 0 && !open.kept;
        }
        if (isLast) {
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
