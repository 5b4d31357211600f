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
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentifier;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.Translator;

/** Puts the steps together: backend, identify, profile, decoder. What comes and goes while it runs is used from then on. */
@Component
public final class GuestFrontEnd implements FrontEnd {
    private static final Logger LOG = LoggerFactory.getLogger(GuestFrontEnd.class);

    // Declarative Services orders a list by ranking, lowest first (Compendium 8, 112.3.8).
    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<Backend> backends = List.of();

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<ProfileSource> sources = List.of();

    @Reference(cardinality = ReferenceCardinality.MULTIPLE, policy = ReferencePolicy.DYNAMIC)
    private volatile List<Decoder> decoders = List.of();

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
        return decoders.stream().map(Decoder::needs).reduce(Needs.NONE, Needs::and);
    }

    @Override
    public Session attach(GuestUri uri, Progress progress) {
        Backend backend = highestFirst(backends).stream().filter(b -> b.scheme().equals(uri.scheme())).findFirst()
                .orElseThrow(() -> new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, uri.toString(),
                        "no installed backend opens " + uri.scheme() + ":")
                        .next("there are backends for " + String.join(", ", schemes())));
        Guest guest = backend.open(uri);
        try {
            return Faults.named(uri, () -> attach(uri, guest, progress));
        } catch (RuntimeException failure) {
            guest.close();
            throw failure;
        }
    }

    private Session attach(GuestUri uri, Guest guest, Progress progress) {
        KernelIdentity identity = identifier.identify(guest, progress);
        AddressSpace space = translator.open(guest.memory(), identity.paging(), identity.rootGpa());
        List<Finding> findings = new ArrayList<>(identity.findings());
        Needs needs = needs();
        HptException problem = new HptException(Step.PROFILE, Reason.NO_PROFILE, uri.toString(),
                "no profile for kernel " + identity.release() + " (" + identity.architecture().label() + ")");
        for (ProfileSource source : highestFirst(sources)) {
            Optional<Profile> profile = Optional.empty();
            try {
                profile = source.find(guest, identity, space, needs, progress);
                if (profile.isEmpty()) {
                    problem.tried(source.name() + ": does not know this build");
                }
            } catch (HptException failure) {
                LOG.debug("profile source {} failed", source.name(), failure);
                problem.tried(source.name() + ": " + failure.detail());
                if (!failure.next().isEmpty()) {
                    problem.next(failure.next());
                }
            }
            if (profile.isPresent()) {
                Kernel kernel = new Kernel(identity, profile.get());
                Optional<Session> session = decode(uri, guest, space, kernel, source, findings, problem);
                if (session.isPresent()) {
                    return session.get();
                }
            }
        }
        return new GuestSession(uri, guest, identity, space, findings, problem);
    }

    private static String inferred(Origin origin) {
        return origin.confidence() < 1
                ? "; NOT CERTAIN, confidence " + origin.confidence() + ": " + origin.from() : "";
    }

    /** A profile that no decoder can use is not the last word: another source may have a better one. */
    private Optional<Session> decode(GuestUri uri, Guest guest, AddressSpace space, Kernel kernel,
            ProfileSource source, List<Finding> findings, HptException problem) {
        String profile = kernel.profile().name() + " from " + source.name();
        for (Decoder decoder : highestFirst(decoders)) {
            if (!decoder.fits(kernel)) {
                continue;
            }
            try {
                var reader = decoder.attach(kernel, space);
                List<Finding> all = new ArrayList<>(findings);
                all.add(new Finding("profile", kernel.profile().name(), source.name() + ", made from "
                        + kernel.profile().origin().source() + inferred(kernel.profile().origin())));
                all.add(new Finding("decoder", decoder.name(), "fits what the profile has"));
                return Optional.of(new GuestSession(uri, guest, kernel, space, decoder.name(), reader, all));
            } catch (HptException failure) {
                LOG.debug("decoder {} failed on {}", decoder.name(), profile, failure);
                problem.tried(decoder.name() + " with " + profile + ": " + failure.detail());
                if (!failure.next().isEmpty()) {
                    problem.next(failure.next());
                }
                return Optional.empty();
            }
        }
        problem.tried("profile " + profile + ": none of the decoders "
                + decoders.stream().map(Decoder::name).sorted().toList() + " fits it");
        return Optional.empty();
    }
}
