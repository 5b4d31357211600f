// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.guest.VcpuRegisters;

/**
 * An opened domain. While it is open a thread looks whether the domain still exists, to let go of it when not, and
 * whether the toolstack changed its memory, so that frames may be populated on demand that were not before.
 */
final class XenGuest implements Guest {
    private static final long WATCH_MILLIS = 1000;
    private static final Logger LOG = LoggerFactory.getLogger(XenGuest.class);

    private final GuestInfo info;
    private final int domid;
    private final DomainMemory memory;
    private final Supplier<Control> control;
    private final Supplier<XenStore> stores;
    private final Thread watch;
    private Optional<Kept> kept = Optional.empty();

    /** The control library, open, and the number of the domain's last vCPU, which stays what it is. */
    private record Kept(Control control, int lastVcpu) {
    }

    /**
     * @param control opens the control library, or throws why not
     * @param stores  connects to xenstore
     */
    XenGuest(GuestInfo info, int domid, DomainMemory memory, Supplier<Control> control, Supplier<XenStore> stores) {
        this.info = info;
        this.domid = domid;
        this.memory = memory;
        this.control = control;
        this.stores = stores;
        this.watch = new Thread(this::watch, "xen-watch-" + domid);
        watch.setDaemon(true);
        watch.start();
    }

    /** As it was when the guest was opened. */
    @Override
    public GuestInfo info() {
        return info;
    }

    @Override
    public PhysicalMemory memory() {
        return memory;
    }

    /**
     * {@inheritDoc} The package's documentation says what this costs.
     *
     * @throws HptException {@code GUEST_GONE}; {@code ACCESS_DENIED} or {@code UNREADABLE_GUEST} when there is no
     *                      control library for this Xen
     */
    @Override
    public List<VcpuRegisters> registers() {
        return asked(xen -> {
            List<VcpuRegisters> all = new ArrayList<>();
            for (int vcpu = 0; vcpu <= xen.lastVcpu(); vcpu++) {
                xen.control().registers(domid, vcpu).ifPresent(all::add);
            }
            return List.copyOf(all);
        });
    }

    @Override
    public Optional<VcpuRegisters> registers(int vcpu) {
        return asked(xen -> vcpu < 0 || vcpu > xen.lastVcpu() ? Optional.empty() : xen.control().registers(domid, vcpu));
    }

    /** Opens the control library for the first reading and keeps it: that takes longer than to read the registers. */
    private synchronized <T> T asked(Function<Kept, T> question) {
        if (kept.isEmpty()) {
            kept = Optional.of(keep(control.get()));
        }
        try {
            return question.apply(kept.get());
        } catch (HptException failure) {
            letGo();
            throw failure;
        }
    }

    private Kept keep(Control opened) {
        try {
            return new Kept(opened, opened.info(domid).orElseThrow(() -> new HptException(Step.BACKEND,
                    Reason.GUEST_GONE, info.uri().toString(), "the guest was destroyed")
                    .next("hpt guests shows what runs now")).maxVcpuId());
        } catch (HptException failure) {
            opened.close();
            throw failure;
        }
    }

    private synchronized void letGo() {
        kept.ifPresent(xen -> xen.control().close());
        kept = Optional.empty();
    }

    private void watch() {
        XenStore store = null;
        String target = "";
        boolean suspended = false;
        try {
            while (true) {
                Thread.sleep(WATCH_MILLIS);
                try {
                    store = store == null ? stores.get() : store;
                    if (!store.introduced(domid)) {
                        memory.vanish();
                        return;
                    }
                    String now = store.read("/local/domain/" + domid + "/memory/target").orElse("");
                    if (suspended || !now.equals(target)) {
                        suspended = suspend();
                        target = now;
                    }
                } catch (HptException e) {
                    LOG.debug("cannot ask whether {} is still there", info.uri(), e);
                    if (store != null) {
                        store.close();
                        store = null;
                    }
                }
            }
        } catch (InterruptedException e) {
            // Closed.
            return;
        } finally {
            if (store != null) {
                store.close();
            }
        }
    }

    /** Whether the memory may not be read now. Without the control library that cannot be told, and is not said. */
    private boolean suspend() {
        try (Control xen = control.get()) {
            long pages = xen.toPopulate(domid).orElse(0);
            memory.suspend(pages == 0 ? "" : "has " + pages
                    + " pages that are populated on demand since its memory was changed, which reading them would do");
            return pages != 0;
        } catch (HptException e) {
            LOG.debug("cannot ask how {} is populated", info.uri(), e);
            return false;
        }
    }

    @Override
    public void close() {
        watch.interrupt();
        letGo();
        memory.close();
    }
}
