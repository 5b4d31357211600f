// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
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
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.kernel.KernelIdentifier;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.ProfileCache;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.Translator;

/** Puts the steps together: backend, identify, profile, decoder. What comes and goes while it runs is used from then on. */
@Component
public final class GuestFrontEnd implements FrontEnd {
    // Declarative Services orders a list by ranking, lowest first (Compendium 8, 112.3.8).
    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<Backend> backends = List.of();

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<ProfileSource> sources = List.of();

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<Decoder> decoders = List.of();

    @Reference(cardinality = ReferenceCardinality.OPTIONAL, policy = ReferencePolicy.DYNAMIC,
            policyOption = ReferencePolicyOption.GREEDY)
    private volatile ProfileCache cache;

    private final Translator translator;
    private final KernelIdentifier identifier;

    @Activate
    public GuestFrontEnd(@Reference Translator translator, @Reference KernelIdentifier identifier) {
        this.translator = translator;
        this.identifier = identifier;
    }

    /** Wired by hand, without Declarative Services. All lists are in the order of ranking, lowest first. */
    public GuestFrontEnd(Translator translator, KernelIdentifier identifier, List<Backend> backends,
            List<ProfileSource> sources, List<Decoder> decoders) {
        this(translator, identifier);
        this.backends = backends;
        this.sources = sources;
        this.decoders = decoders;
    }

    /** As the other one, with a cache. */
    public GuestFrontEnd(Translator translator, KernelIdentifier identifier, List<Backend> backends,
            List<ProfileSource> sources, List<Decoder> decoders, ProfileCache cache) {
        this(translator, identifier, backends, sources, decoders);
        this.cache = cache;
    }

    private static <T> List<T> highestFirst(List<T> services) {
        List<T> ordered = new ArrayList<>(services);
        Collections.reverse(ordered);
        return ordered;
    }

    @Override
    public Listing guests() {
        List<GuestInfo> guests = new ArrayList<>();
        List<HptException> failures = new ArrayList<>();
        TreeSet<String> asked = new TreeSet<>();
        for (Backend backend : highestFirst(backends)) {
            if (!asked.add(backend.scheme())) {
                continue;
            }
            try {
                guests.addAll(backend.guests());
            } catch (HptException failure) {
                failures.add(failure);
            }
        }
        return new Listing(guests, failures);
    }

    @Override
    public List<String> schemes() {
        return List.copyOf(new TreeSet<>(backends.stream().map(Backend::scheme).toList()));
    }

    @Override
    public Needs needs() {
        return decoders.stream().map(Decoder::needs).reduce(BootMark.needs(), Needs::and);
    }

    @Override
    public Session attach(GuestUri uri, Progress progress) {
        Backend backend = highestFirst(backends).stream().filter(b -> b.scheme().equals(uri.scheme())).findFirst()
                .orElseThrow(() -> new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, uri.toString(),
                        "no installed backend opens " + uri.scheme() + ":")
                        .next("there are backends for " + String.join(", ", schemes())));
        Guest guest = backend.open(uri);
        try {
            return Faults.named(uri, () -> {
                // What comes and goes is looked up for each climb; whoever heard of the first does not wait for another.
                boolean[] first = {true};
                return new GuestSession(uri, guest, () -> backend.open(uri), opened -> {
                    boolean isFirst = first[0];
                    first[0] = false;
                    // Later ones are because the guest changed: what was noted before is out of date then.
                    return ladder().climb(uri, opened, isFirst ? progress : Progress.NONE, isFirst);
                }, System::nanoTime);
            });
        } catch (RuntimeException failure) {
            guest.close();
            throw failure;
        }
    }

    private Ladder ladder() {
        return new Ladder(translator, identifier, Optional.ofNullable(cache), highestFirst(sources),
                highestFirst(decoders), needs(), System::currentTimeMillis);
    }
}
