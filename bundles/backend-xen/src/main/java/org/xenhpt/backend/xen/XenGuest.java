// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
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
        try (Control xen = control.get()) {
            int last = xen.info(domid).map(DomainInfo::maxVcpuId).orElse(-1);
            List<VcpuRegisters> all = new ArrayList<>();
            for (int vcpu = 0; vcpu <= last; vcpu++) {
                xen.registers(domid, vcpu).ifPresent(all::add);
            }
            return List.copyOf(all);
        }
    }

    @Override
    public Optional<VcpuRegisters> registers(int vcpu) {
        try (Control xen = control.get()) {
            int last = xen.info(domid).map(DomainInfo::maxVcpuId).orElse(-1);
            return vcpu < 0 || vcpu > last ? Optional.empty() : xen.registers(domid, vcpu);
        }
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
        memory.close();
    }
}
