// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.lang.ref.WeakReference;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.osgi.framework.wiring.BundleWiring;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.profile.Needs;

/**
 * A service of some bundle, and whose it is. When the service goes, nothing here holds the bundle any more, so that its
 * classes can be unloaded while a session still remembers whose it was.
 *
 * @param <T> the service's type
 */
final class Plugin<T> {
    /**
     * What it says of itself, asked once.
     *
     * @param name  a backend's scheme, or what people call it
     * @param needs a decoder's
     */
    record Introduction(String name, Needs needs) {
    }

    /** Asks it for what it says of itself. */
    interface Introducer<T> {
        Introduction ask(T service);
    }

    /** A call that was left behind. */
    private record Stuck(Optional<GuestUri> guest, BooleanSupplier lasts) {
    }

    private static final long UPDATE_NANOS = TimeUnit.SECONDS.toNanos(5);
    private static final long EXCHANGE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Step step;
    private final String owner;
    private final WeakReference<Bundle> bundle;
    private final List<Stuck> stuck = new CopyOnWriteArrayList<>();
    /** Held while it is asked what it is, which takes the other lock, too. */
    final Object introducing = new Object();
    private volatile long wentAt;
    private volatile Optional<ServiceReference<T>> reference;
    private volatile Optional<BundleContext> context;
    private volatile Optional<T> service;
    private volatile Optional<Introduction> introduction = Optional.empty();
    private volatile Optional<HptException> failure = Optional.empty();

    private Plugin(Step step, String owner, Bundle bundle, Optional<ServiceReference<T>> reference,
            Optional<BundleContext> context, Optional<T> service) {
        this.step = step;
        this.owner = owner;
        this.bundle = new WeakReference<>(bundle);
        this.reference = reference;
        this.context = context;
        this.service = service;
    }

    /** @param context through which the service is had, when it is needed */
    static <T> Plugin<T> of(Step step, ServiceReference<T> reference, BundleContext context) {
        Bundle bundle = reference.getBundle();
        return new Plugin<>(step, bundle == null ? "a bundle that went"
                : "bundle " + bundle.getSymbolicName() + " " + bundle.getVersion(), bundle, Optional.of(reference),
                Optional.of(context), Optional.empty());
    }

    /** Outside of OSGi. */
    static <T> Plugin<T> of(Step step, T service) {
        return new Plugin<>(step, service.getClass().getName(), null, Optional.empty(), Optional.empty(),
                Optional.of(service));
    }

    /** The step of the way that it does. */
    Step step() {
        return step;
    }

    /** Its bundle's name and version, as messages print them. */
    String owner() {
        return owner;
    }

    Optional<ServiceReference<T>> reference() {
        return reference;
    }

    /** The service. Runs code of its bundle the first time. */
    synchronized T service() {
        // Each as it is now: it may go at any moment.
        Optional<ServiceReference<T>> whose = reference;
        Optional<BundleContext> through = context;
        if (service.isEmpty() && whose.isPresent() && through.isPresent()) {
            try {
                service = Optional.ofNullable(through.get().getService(whose.get()));
            } catch (IllegalStateException stopping) {
                // The bundle of the front end itself stops.
                service = Optional.empty();
            }
        }
        return service.orElseThrow(() -> reference.isPresent()
                ? new HptException(step, Reason.PLUGIN_FAILED, owner, "its " + step.label() + " cannot be made")
                        .next("hpt plugins, and what is logged with --verbose, tell more")
                : new HptException(step, Reason.TAKEN_AWAY, owner, "was taken away"));
    }

    /** What it says of itself; empty when it was not asked yet or did not tell. */
    Optional<Introduction> introduction() {
        return introduction;
    }

    /** What it calls itself. */
    String name() {
        return introduction.map(Introduction::name).orElse("?");
    }

    /** As people read it: {@code linux-6.2 of bundle org.xenhpt.decoder.linux-6.2 0.1.0}. */
    @Override
    public String toString() {
        return introduction.map(told -> told.name() + " of ").orElse("") + owner;
    }

    void introduced(Introduction told) {
        introduction = Optional.of(told);
        failure = Optional.empty();
    }

    /** Why it could not be asked for what it is, when that was tried last. */
    Optional<HptException> failure() {
        return failure;
    }

    void failed(HptException why) {
        failure = Optional.of(why);
    }

    /** The service is no more. */
    void gone() {
        wentAt = System.nanoTime();
        Optional<BundleContext> had = context;
        Optional<ServiceReference<T>> was = reference;
        reference = Optional.empty();
        context = Optional.empty();
        boolean made = service.isPresent();
        service = Optional.empty();
        stuck.clear();
        failure = Optional.empty();
        if (made && had.isPresent() && was.isPresent()) {
            try {
                had.get().ungetService(was.get());
            } catch (IllegalStateException stopping) {
                // Then it is given back already.
            }
        }
    }

    boolean isGone() {
        return service.isEmpty() && reference.isEmpty();
    }

    /**
     * How long the successor of a service that went is still to be waited for, in nanoseconds: a bundle that is updated is
     * stopped and started again, and one that is removed may be so in favour of a newer one beside it.
     */
    long patience() {
        Bundle whose = bundle.get();
        boolean mayComeBack = whose != null && whose.getState() != Bundle.UNINSTALLED;
        return isGone() ? wentAt + (mayComeBack ? UPDATE_NANOS : EXCHANGE_NANOS) - System.nanoTime() : 0;
    }

    /** Whether the class is one of its bundle's. */
    boolean owns(String className) {
        Optional<T> known = service;
        if (known.isPresent() && className.startsWith(known.get().getClass().getName())) {
            return true;
        }
        Bundle whose = bundle.get();
        if (whose == null) {
            return false;
        }
        int lambda = className.indexOf("$$");
        String path = "/" + (lambda < 0 ? className : className.substring(0, lambda)).replace('.', '/') + ".class";
        try {
            if (whose.getEntry(path) != null) {
                return true;
            }
            // A class in a jar within the bundle.
            BundleWiring wiring = whose.adapt(BundleWiring.class);
            int name = path.lastIndexOf('/');
            return wiring != null && !wiring.listResources(path.substring(0, name), path.substring(name + 1),
                    BundleWiring.LISTRESOURCES_LOCAL).isEmpty();
        } catch (RuntimeException uninstalled) {
            // Not only IllegalStateException: Felix fails with others while it is at it.
            return false;
        }
    }

    /**
     * A call was left behind in it.
     *
     * @param guest for which alone it is out of use; empty for all
     * @param lasts whether it still has not returned
     */
    void stuck(Optional<GuestUri> guest, BooleanSupplier lasts) {
        stuck.add(new Stuck(guest, lasts));
    }

    /** Whether it is not to be called for this guest, since it has not come back from an earlier call. */
    boolean isSetAside(GuestUri guest) {
        Iterator<Stuck> each = stuck.iterator();
        while (each.hasNext()) {
            Stuck one = each.next();
            if (!one.lasts().getAsBoolean()) {
                stuck.remove(one);
            } else if (one.guest().isEmpty() || one.guest().get().equals(guest)) {
                return true;
            }
        }
        return false;
    }
}
