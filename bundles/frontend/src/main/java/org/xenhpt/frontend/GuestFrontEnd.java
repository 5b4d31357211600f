// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.service.component.ComponentContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ReferencePolicy;
import org.osgi.service.component.annotations.ServiceScope;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.frontend.FrontEnd;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.Backend;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.kernel.KernelIdentifier;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileCache;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.Translator;

/**
 * Puts the steps together: backend, identify, profile, decoder. What comes and goes while it runs is used, or not, from then
 * on, also by the sessions that are open. Each bundle that asks for a front end gets one of its own, so that what it leaves
 * open can be closed when it stops.
 */
@Component(scope = ServiceScope.BUNDLE)
public final class GuestFrontEnd implements FrontEnd {
    private static final Logger LOG = LoggerFactory.getLogger(GuestFrontEnd.class);

    private final Plugins<Translator> translators = new Plugins<>(Step.TRANSLATION,
            service -> new Plugin.Introduction("address translation", Needs.NONE));
    private final Plugins<KernelIdentifier> identifiers = new Plugins<>(Step.IDENTIFY,
            service -> new Plugin.Introduction("identification of kernels", Needs.NONE));
    private final Plugins<ProfileCache> caches = new Plugins<>(Step.PROFILE,
            service -> new Plugin.Introduction("what was learnt", Needs.NONE));
    private final Plugins<Backend> backends = new Plugins<>(Step.BACKEND,
            service -> new Plugin.Introduction(service.scheme(), Needs.NONE));
    private final Plugins<ProfileSource> sources = new Plugins<>(Step.PROFILE,
            service -> new Plugin.Introduction(service.name(), Needs.NONE));
    private final Plugins<Decoder> decoders = new Plugins<>(Step.DECODER,
            service -> new Plugin.Introduction(service.name(), service.needs()));

    private final Set<GuardedSession> sessions = ConcurrentHashMap.newKeySet();
    private final Object change = new Object();
    private volatile long generation;
    private final Optional<BundleContext> context;
    private final Limits limits;
    private final String user;

    @Activate
    public GuestFrontEnd(BundleContext context, ComponentContext component) {
        this.context = Optional.of(context);
        this.limits = Limits.of(context::getProperty);
        Bundle using = component.getUsingBundle();
        this.user = using == null ? "somebody" : "bundle " + using.getSymbolicName() + " " + using.getVersion();
    }

    /** Wired by hand, without Declarative Services. All lists are in the order of ranking, lowest first. */
    public GuestFrontEnd(Translator translator, KernelIdentifier identifier, List<Backend> backends,
            List<ProfileSource> sources, List<Decoder> decoders) {
        this(Limits.DEFAULT, translator, identifier, backends, sources, decoders);
    }

    /** As the other one, with a cache. */
    public GuestFrontEnd(Translator translator, KernelIdentifier identifier, List<Backend> backends,
            List<ProfileSource> sources, List<Decoder> decoders, ProfileCache cache) {
        this(Limits.DEFAULT, translator, identifier, backends, sources, decoders);
        this.caches.add(List.of(cache));
    }

    GuestFrontEnd(Limits limits, Translator translator, KernelIdentifier identifier, List<Backend> backends,
            List<ProfileSource> sources, List<Decoder> decoders) {
        this.context = Optional.empty();
        this.limits = limits;
        this.user = "a test";
        this.translators.add(List.of(translator));
        this.identifiers.add(List.of(identifier));
        this.backends.add(backends);
        this.sources.add(sources);
        this.decoders.add(decoders);
    }

    private void changed() {
        synchronized (change) {
            generation++;
            change.notifyAll();
        }
    }

    private <T> void add(Plugins<T> to, ServiceReference<T> reference) {
        to.add(reference, context.orElseThrow());
        changed();
    }

    private <T> void remove(Plugins<T> from, ServiceReference<T> reference) {
        Optional<Plugin<T>> went = from.remove(reference);
        changed();
        // At once, and not only when somebody asks: what nobody asks for any more would be held for ever.
        went.ifPresent(plugin -> sessions.forEach(session -> session.letGo(plugin)));
    }

    @Reference(service = Translator.class, cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void addTranslator(ServiceReference<Translator> service) {
        add(translators, service);
    }

    void removeTranslator(ServiceReference<Translator> service) {
        remove(translators, service);
    }

    void updatedTranslator(ServiceReference<Translator> service) {
        changed();
    }

    @Reference(service = KernelIdentifier.class, cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC)
    void addIdentifier(ServiceReference<KernelIdentifier> service) {
        add(identifiers, service);
    }

    void removeIdentifier(ServiceReference<KernelIdentifier> service) {
        remove(identifiers, service);
    }

    void updatedIdentifier(ServiceReference<KernelIdentifier> service) {
        changed();
    }

    @Reference(service = ProfileCache.class, cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void addCache(ServiceReference<ProfileCache> service) {
        add(caches, service);
    }

    void removeCache(ServiceReference<ProfileCache> service) {
        remove(caches, service);
    }

    void updatedCache(ServiceReference<ProfileCache> service) {
        changed();
    }

    @Reference(service = Backend.class, cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void addBackend(ServiceReference<Backend> service) {
        add(backends, service);
    }

    void removeBackend(ServiceReference<Backend> service) {
        remove(backends, service);
    }

    void updatedBackend(ServiceReference<Backend> service) {
        changed();
    }

    @Reference(service = ProfileSource.class, cardinality = ReferenceCardinality.MULTIPLE,
            policy = ReferencePolicy.DYNAMIC)
    void addSource(ServiceReference<ProfileSource> service) {
        add(sources, service);
    }

    void removeSource(ServiceReference<ProfileSource> service) {
        remove(sources, service);
    }

    void updatedSource(ServiceReference<ProfileSource> service) {
        changed();
    }

    @Reference(service = Decoder.class, cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    void addDecoder(ServiceReference<Decoder> service) {
        add(decoders, service);
    }

    void removeDecoder(ServiceReference<Decoder> service) {
        remove(decoders, service);
    }

    void updatedDecoder(ServiceReference<Decoder> service) {
        changed();
    }

    @Deactivate
    void close() {
        for (GuardedSession session : sessions) {
            LOG.warn("A session was left open by {}, which stops, or the front end does: it is closed", user);
            session.close(user + " stopped, or the front end did");
        }
    }

    private Calls calls(String subject) {
        return new Calls(subject, limits, () -> {
            List<Plugin<?>> all = new ArrayList<>();
            all.addAll(decoders.highestFirst());
            all.addAll(sources.highestFirst());
            all.addAll(backends.highestFirst());
            all.addAll(identifiers.highestFirst());
            all.addAll(translators.highestFirst());
            all.addAll(caches.highestFirst());
            return all;
        });
    }

    private <T> List<Plugin<T>> ready(Plugins<T> of) {
        return of.ready(calls(""), Math.min(limits.listing(), TimeUnit.SECONDS.toNanos(10)));
    }

    /** The first one that is as wanted; empty when there is none, and none is in the midst of being exchanged. */
    private <T> Optional<Plugin<T>> best(Plugins<T> of, Predicate<Plugin<T>> wanted) {
        while (true) {
            long before = generation;
            Optional<Plugin<T>> found = ready(of).stream().filter(wanted).findFirst();
            if (found.isPresent()) {
                return found;
            }
            Optional<Plugin<T>> went = of.lately(wanted);
            if (went.isEmpty() || !changesAfter(before, went.get())) {
                return Optional.empty();
            }
        }
    }

    private <T> Plugin<T> best(Plugins<T> of, Step step, String what) {
        return best(of, any -> true).orElseThrow(() -> new HptException(step, Reason.TAKEN_AWAY, "",
                "no bundle that gives " + what + " is installed").next("hpt plugins tells what is missing"));
    }

    /** Waits for the successor of what went: whether anything came or went after this generation. */
    private boolean changesAfter(long before, Plugin<?> went) {
        synchronized (change) {
            while (generation == before) {
                long left = TimeUnit.NANOSECONDS.toMillis(went.patience());
                if (left <= 0) {
                    return false;
                }
                try {
                    change.wait(Math.min(left, 100));
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    return false;
                }
            }
            return true;
        }
    }

    @Override
    public Listing guests() {
        List<GuestInfo> guests = new ArrayList<>();
        List<HptException> failures = new ArrayList<>();
        TreeSet<String> asked = new TreeSet<>();
        for (Plugin<Backend> backend : ready(backends)) {
            if (!asked.add(backend.name())) {
                continue;
            }
            Calls calls = calls("");
            try (Worker worker = new Worker("hpt-guests " + backend.name(), calls, () -> { })) {
                guests.addAll(worker.call(() -> calls.to(backend, () -> List.copyOf(backend.service().guests())),
                        limits.listing()));
            } catch (HptException failure) {
                failures.add(failure);
            }
        }
        return new Listing(guests, failures);
    }

    @Override
    public List<String> schemes() {
        return List.copyOf(new TreeSet<>(ready(backends).stream().map(Plugin::name).toList()));
    }

    @Override
    public Needs needs() {
        return needs(ready(decoders));
    }

    private static Needs needs(List<Plugin<Decoder>> all) {
        return all.stream().flatMap(decoder -> decoder.introduction().stream()).map(Plugin.Introduction::needs)
                .reduce(BootMark.needs(), Needs::and);
    }

    @Override
    public Session attach(GuestUri uri, Progress progress) {
        GuardedSession session = new GuardedSession(uri, limits, () -> calls(uri.toString()),
                calls -> attach(uri, calls, progress), sessions::remove);
        sessions.add(session);
        return session;
    }

    private GuestSession attach(GuestUri uri, Calls calls, Progress progress) {
        Around around = new Around(uri, calls, progress);
        around.recall();
        Surroundings.Opened opened = around.open(Optional.empty());
        try {
            return Faults.named(uri, () -> new GuestSession(uri, opened, around, System::nanoTime));
        } catch (RuntimeException | Error failure) {
            around.release(opened.backend(), () -> opened.guest().close());
            throw failure;
        }
    }

    /** What a session lives among. */
    private final class Around implements Surroundings {
        private final GuestUri uri;
        private final Calls calls;
        private Progress progress;
        /** What was noted of the guest, until it is climbed to. */
        private Optional<LastPlace> then = Optional.empty();
        /** When a backend was declined; -1 when none was. */
        private long declined = -1;

        Around(GuestUri uri, Calls calls, Progress progress) {
            this.uri = uri;
            this.calls = calls;
            this.progress = progress;
        }

        /** Before the guest is opened, which takes its time too. */
        void recall() {
            then = cache().flatMap(cache -> Ladder.recall(calls, cache, uri, () -> needs(ready(decoders))));
        }

        private Optional<Plugin<ProfileCache>> cache() {
            return ready(caches).stream().findFirst();
        }

        @Override
        public long generation() {
            return generation;
        }

        private boolean isForIt(Plugin<Backend> backend) {
            return backend.name().equals(uri.scheme());
        }

        @Override
        public boolean isBest(Optional<Plugin<Backend>> backend) {
            return generation == declined
                    || ready(backends).stream().filter(this::isForIt).findFirst().equals(backend);
        }

        @Override
        public void decline(HptException why) {
            declined = generation;
            LOG.warn("{} stays with the backend that it has: {}", uri, why.getMessage());
        }

        @Override
        public Opened open(Optional<Plugin<Backend>> lost) {
            while (true) {
                long before = generation;
                Plugin<Backend> backend = best(backends, this::isForIt).orElseThrow(() -> lost.isPresent()
                        ? new TakenAway(uri, lost.get())
                        : new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, uri.toString(),
                                "no installed backend opens " + uri.scheme() + ":")
                                .next("there are backends for " + String.join(", ", schemes())));
                try {
                    if (backend.isSetAside(uri)) {
                        throw new HptException(Step.BACKEND, Reason.PLUGIN_FAILED, uri.toString(), backend.owner()
                                + " has not come back from an earlier call for this guest").next(Calls.next());
                    }
                    return new Opened(Optional.of(backend), calls.to(backend, () -> backend.service().open(uri)));
                } catch (HptException failure) {
                    // It may have gone in the midst of this, or be the first of several that come in its place.
                    Optional<Plugin<Backend>> went = backend.isGone() ? Optional.of(backend) : lost;
                    if (went.isEmpty() || !changesAfter(before, went.get())) {
                        throw failure;
                    }
                }
            }
        }

        @Override
        public boolean mayHaveSuccessor(Plugin<?> went) {
            return changesAfter(generation, went);
        }

        private Ladder ladder() {
            // Read first: what changes while the rest is looked up is noticed the next time.
            long now = generation;
            List<Plugin<Decoder>> all = ready(decoders);
            return new Ladder(calls, best(translators, Step.TRANSLATION, "address translation"),
                    best(identifiers, Step.IDENTIFY, "identification of kernels"), cache(),
                    ready(sources), all, GuestFrontEnd.needs(all), now, System::currentTimeMillis);
        }

        @Override
        public Attached attach(Guest guest) {
            // Whoever heard of the first climb does not wait for another, which is because the guest changed: what was
            // noted before is out of date then.
            Progress hears = progress;
            Optional<LastPlace> last = then;
            progress = Progress.NONE;
            then = Optional.empty();
            return searching(() -> ladder().climb(uri, guest, hears, last));
        }

        @Override
        public Attached follow(Guest guest, Attached before) {
            Climbed climb = before.climb();
            if (climb.generation() == generation && climb.rungs().stream().allMatch(this::isUpToDate)) {
                return before;
            }
            return searching(() -> {
                Ladder ladder = ladder();
                return ladder.isOfTheSame(climb) ? ladder.follow(uri, guest, before)
                        : ladder.climb(uri, guest, Progress.NONE, Optional.empty());
            });
        }

        @Override
        public Profile learn(Guest guest, Attached attached, Needs also, Progress hears) {
            return searching(() -> ladder().learn(uri, guest, attached, also, hears));
        }

        private boolean isUpToDate(Climbed.Rung rung) {
            return rung.source().isEmpty() || rung.source().get().isGone()
                    || Ladder.version(calls, rung.source().get()) == rung.version();
        }

        private <T> T searching(Supplier<T> search) {
            calls.searching();
            try {
                return search.get();
            } finally {
                calls.reading();
            }
        }

        @Override
        public <T> T asked(Optional<? extends Plugin<?>> plugin, Supplier<T> question) {
            return plugin.isPresent() ? calls.to(plugin.get(), question) : question.get();
        }

        @Override
        public void release(Optional<? extends Plugin<?>> plugin, Runnable giving) {
            // Also when nobody waits for this thread any more: what it holds is given back all the same.
            try {
                giving.run();
            } catch (RuntimeException | Error failure) {
                LOG.warn("{} could not give something back to {}: {}", uri, plugin.map(Plugin::owner).orElse("its bundle"),
                        failure instanceof HptException known ? known.getMessage() : calls.blamed(failure).getMessage());
            }
        }

        @Override
        public AddressSpace nowhere(Attached instead) {
            Plugin<Translator> translator = best(translators, Step.TRANSLATION, "address translation");
            return calls.to(translator, () -> translator.service().open(new NoGuest(uri).memory(),
                    instead.identity().paging(), instead.identity().rootGpa()));
        }
    }
}
