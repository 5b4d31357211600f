// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.osgi.framework.BundleContext;
import org.osgi.framework.ServiceReference;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/**
 * The services of one type that are there now.
 *
 * @param <T> that type
 */
final class Plugins<T> {
    private static final Logger LOG = LoggerFactory.getLogger(Plugins.class);

    private final Step step;
    private final Plugin.Introducer<T> introducer;
    private final List<Plugin<T>> all = new ArrayList<>();
    private final List<Plugin<T>> went = new ArrayList<>();

    Plugins(Step step, Plugin.Introducer<T> introducer) {
        this.step = step;
        this.introducer = introducer;
    }

    synchronized void add(ServiceReference<T> reference, BundleContext context) {
        all.add(Plugin.of(step, reference, context));
    }

    /** Outside of OSGi, in the order of ranking, lowest first. */
    synchronized void add(List<T> services) {
        services.forEach(service -> all.add(Plugin.of(step, service)));
    }

    /** The service went. */
    synchronized Optional<Plugin<T>> remove(ServiceReference<T> reference) {
        Optional<Plugin<T>> found = all.stream().filter(each -> each.reference().equals(Optional.of(reference)))
                .findFirst();
        found.ifPresent(plugin -> {
            all.remove(plugin);
            plugin.gone();
            went.removeIf(each -> each.patience() <= 0);
            went.add(plugin);
        });
        return found;
    }

    /** One that went so lately that its successor is still to be waited for. */
    synchronized Optional<Plugin<T>> lately(Predicate<Plugin<T>> which) {
        return went.stream().filter(each -> each.patience() > 0).filter(which).findFirst();
    }

    /** By {@code service.ranking} as it is now, highest first; of the same rank the older first. */
    synchronized List<Plugin<T>> highestFirst() {
        List<Plugin<T>> ordered = new ArrayList<>(all);
        if (ordered.stream().allMatch(each -> each.reference().isPresent())) {
            ordered.sort((a, b) -> b.reference().get().compareTo(a.reference().get()));
        } else {
            Collections.reverse(ordered);
        }
        return ordered;
    }

    /**
     * As {@link #highestFirst}, without those that do not even tell what they are.
     *
     * @param patience how long one is asked for that, in nanoseconds
     */
    List<Plugin<T>> ready(Calls calls, long patience) {
        List<Plugin<T>> ready = new ArrayList<>();
        for (Plugin<T> plugin : highestFirst()) {
            if (plugin.introduction().isEmpty()) {
                introduce(plugin, calls, patience);
            }
            if (plugin.introduction().isPresent()) {
                ready.add(plugin);
            }
        }
        return ready;
    }

    private void introduce(Plugin<T> plugin, Calls calls, long patience) {
        synchronized (plugin.introducing) {
            if (plugin.introduction().isPresent() || plugin.isGone()
                    || plugin.failure().filter(known -> known.detail().startsWith(Worker.NO_ANSWER)).isPresent()) {
                return;
            }
            Calls own = calls.alone(patience);
            try (Worker worker = new Worker("hpt-plugin", own, () -> { })) {
                Plugin.Introduction told = worker.call(() -> own.to(plugin,
                        () -> introducer.ask(plugin.service())), patience);
                plugin.introduced(told);
            } catch (HptException failure) {
                if (failure.reason() == Reason.TAKEN_AWAY) {
                    return;
                }
                if (plugin.failure().isEmpty()) {
                    LOG.warn("A {} is left out: {}", step.label(), failure.getMessage());
                }
                plugin.failed(failure);
            }
        }
    }
}
