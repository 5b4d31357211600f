// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Backend;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;

/** Reaches running HVM and PVH guests of this host's Xen by name, domid or UUID: {@code xen:web}. */
@Component
public final class XenBackend implements Backend {
    static final String SCHEME = "xen";
    /** What a guest may have without a balloon to grow into: rounding, and what hvmloader takes. */
    private static final long SLACK_KIB = 1024;
    private static final Logger LOG = LoggerFactory.getLogger(XenBackend.class);

    private final XenHost host;
    private final Libraries libraries;

    /** Where the native calls come from. */
    interface Libraries {
        XenStore store(String subject, XenHost host);

        ForeignMemory memory(String subject, int domid);

        Control control(String subject, Optional<XenHost.Version> version);
    }

    @Activate
    public XenBackend() {
        this(new XenHost(Path.of("/")), new Libraries() {
            @Override
            public XenStore store(String subject, XenHost host) {
                return XenStoreClient.connect(subject, host);
            }

            @Override
            public ForeignMemory memory(String subject, int domid) {
                return new NativeForeignMemory(subject, domid);
            }

            @Override
            public Control control(String subject, Optional<XenHost.Version> version) {
                return NativeControl.open(subject, version);
            }
        });
    }

    XenBackend(XenHost host, Libraries libraries) {
        this.host = host;
        this.libraries = libraries;
    }

    @Override
    public String scheme() {
        return SCHEME;
    }

    /** {@inheritDoc} Anywhere but in Domain 0 there are none. */
    @Override
    public List<GuestInfo> guests() {
        if (!host.inDom0()) {
            return List.of();
        }
        String subject = SCHEME + ":";
        try (XenStore store = libraries.store(subject, host)) {
            List<Domain> domains = Domain.all(store);
            // Without a guest there is nothing to load the library for.
            return domains.isEmpty() ? List.of() : described(subject, domains);
        }
    }

    private List<GuestInfo> described(String subject, List<Domain> domains) {
        List<GuestInfo> guests = new ArrayList<>();
        try (Control control = libraries.control(subject, host.version())) {
            for (Domain domain : domains) {
                guests.add(describe(new GuestUri(SCHEME, Integer.toString(domain.domid())), domain,
                        control.info(domain.domid())));
            }
        } catch (HptException e) {
            // xenstore alone tells enough to choose a guest.
            LOG.debug("guests are listed without libxenctrl", e);
            guests.clear();
            domains.forEach(domain -> guests.add(describe(new GuestUri(SCHEME, Integer.toString(domain.domid())),
                    domain, Optional.empty())));
        }
        return guests;
    }

    private static GuestInfo describe(GuestUri uri, Domain domain, Optional<DomainInfo> info) {
        String type = domain.type().isEmpty() ? info.map(xen -> xen.hvm() ? "HVM" : "PV").orElse("?") : domain.type();
        if (info.isPresent() && info.get().hvm()) {
            type += info.get().hap() ? ", hap" : ", shadow";
        }
        long kib = domain.targetKib() < 0 ? domain.memoryKib() : domain.targetKib();
        long bytes = kib < 0 ? info.map(xen -> xen.pages() << 12).orElse(-1L) : kib << 10;
        int vcpus = domain.vcpus() < 0 ? info.map(xen -> xen.maxVcpuId() + 1).orElse(-1) : domain.vcpus();
        return new GuestInfo(uri, domain.label(), type, info.map(DomainInfo::state).orElse(GuestState.UNKNOWN), bytes,
                vcpus);
    }

    @Override
    public Guest open(GuestUri uri) {
        String subject = uri.toString();
        host.requireControl(subject);
        try (XenStore store = libraries.store(subject, host)) {
            Domain domain = Domain.find(store, subject, uri.name());
            Facts facts = facts(subject, domain);
            GuestInfo guest = describe(uri, domain, facts.info);
            if (guest.type().startsWith("PV") && !guest.type().startsWith("PVH")) {
                throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject,
                        "is a PV guest, which has no memory of its own layout: only HVM and PVH guests are supported")
                        .next("run it as type=\"pvh\"");
            }
            requirePopulated(subject, domain, facts);
            return open(guest, domain, facts, subject);
        }
    }

    /** What the control library adds; nothing when there is none. */
    private record Facts(Optional<DomainInfo> info, OptionalLong maximumGfn, OptionalLong toPopulate, String without) {
    }

    private Facts facts(String subject, Domain domain) {
        try (Control control = libraries.control(subject, host.version())) {
            return new Facts(control.info(domain.domid()), control.maximumGfn(domain.domid()),
                    control.toPopulate(domain.domid()), "");
        } catch (HptException e) {
            LOG.debug("{} is opened without libxenctrl", subject, e);
            return new Facts(Optional.empty(), OptionalLong.empty(), OptionalLong.empty(), e.getMessage());
        }
    }

    /** Reading a frame that is to be populated on demand would take from what the guest has left for it. */
    private static void requirePopulated(String subject, Domain domain, Facts facts) {
        if (facts.toPopulate.isPresent()) {
            long pages = facts.toPopulate.getAsLong();
            if (pages > 0) {
                throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, "has " + pages
                        + " pages that are populated on demand, which reading them would do")
                        .next("wait until its balloon driver has run, or give it memory = maxmem");
            }
        } else if (domain.targetKib() >= 0 && domain.memoryKib() > domain.targetKib() + SLACK_KIB) {
            HptException unknown = new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject,
                    "has less memory than it may have, and nothing tells whether the rest is populated on demand")
                    .next("install libxenctrl of the running Xen, or give the guest memory = maxmem");
            throw facts.without.isEmpty() ? unknown : unknown.tried(facts.without);
        }
    }

    private Guest open(GuestInfo guest, Domain domain, Facts facts, String subject) {
        long total = domain.memoryKib() >= 0 ? domain.memoryKib() << 10
                : facts.info.map(info -> info.maxPages() << 12).orElse(-1L);
        if (total <= 0) {
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject,
                    "nothing tells how much memory it has")
                    .tried("xenstore memory/static-max").tried("libxenctrl: " + facts.without);
        }
        Supplier<XenStore> stores = () -> libraries.store(subject, host);
        DomainMemory memory = new DomainMemory(subject, libraries.memory(subject, domain.domid()),
                MemoryLayout.of(domain.type().equals("PVH"), total, facts.maximumGfn), () -> {
                    try (XenStore store = stores.get()) {
                        return store.introduced(domain.domid());
                    }
                }, System::nanoTime);
        try {
            memory.probe();
        } catch (RuntimeException e) {
            memory.close();
            throw e;
        }
        return new XenGuest(guest, domain.domid(), memory, () -> libraries.control(subject, host.version()), stores);
    }
}
