// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/**
 * A domain as the toolstack described it in xenstore.
 *
 * @param name       empty when it has none
 * @param uuid       in lower case; empty when it has none
 * @param type       {@code HVM}, {@code PVH} or {@code PV}; empty when the toolstack did not say (only libxl does)
 * @param memoryKib  what it may have at most, -1 when not told
 * @param targetKib  what it is to have now, video memory included, -1 when not told
 * @param vcpus      those that are to be online, -1 when not told
 */
record Domain(int domid, String name, String uuid, String type, long memoryKib, long targetKib, int vcpus) {
    private static final int MAX_NAME = 256;
    /** {@code DOMID_FIRST_RESERVED}. */
    private static final int MAX_DOMID = 0x7ff0;
    private static final int MAX_SHOWN = 10;

    /** All but Domain 0, by number. */
    static List<Domain> all(XenStore store) {
        List<Domain> domains = new ArrayList<>();
        for (String entry : store.directory("/local/domain")) {
            int domid = domid(entry);
            if (domid > 0) {
                // It may be gone by now, or not be described yet.
                read(store, domid).ifPresent(domains::add);
            }
        }
        domains.sort(Comparator.comparingInt(Domain::domid));
        return domains;
    }

    /**
     * Finds one by number, UUID or name, in this order.
     *
     * @throws HptException {@code NO_SUCH_GUEST}
     */
    static Domain find(XenStore store, String subject, String wanted) {
        int domid = domid(wanted);
        if (domid == 0 || wanted.equals("Domain-0")) {
            throw new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, subject, "Domain 0 is no guest, hpt runs in it");
        }
        List<Domain> all = all(store);
        String lower = wanted.toLowerCase(Locale.ROOT);
        return all.stream().filter(domain -> domain.domid == domid)
                .findFirst().or(() -> all.stream().filter(domain -> domain.uuid.equals(lower)).findFirst())
                .or(() -> all.stream().filter(domain -> domain.name.equals(wanted)).findFirst())
                .orElseThrow(() -> new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, subject,
                        "this host runs no guest of this name, domid or UUID").tried("xenstore /local/domain")
                        .next(all.isEmpty() ? "it runs no guest at all" : "it runs " + names(all)));
    }

    private static String names(List<Domain> domains) {
        List<String> names = domains.stream().limit(MAX_SHOWN).map(domain -> domain.label()).toList();
        return String.join(", ", names) + (domains.size() > MAX_SHOWN ? " and others" : "");
    }

    /** The name, or the number of one without. */
    String label() {
        return name.isEmpty() ? Integer.toString(domid) : name;
    }

    private static Optional<Domain> read(XenStore store, int domid) {
        String base = "/local/domain/" + domid;
        Optional<String> vm = store.read(base + "/vm");
        Optional<String> name = store.read(base + "/name");
        if (vm.isEmpty() && name.isEmpty()) {
            return Optional.empty();
        }
        String uuid = vm.filter(path -> path.startsWith("/vm/")).map(path -> path.substring(4)).orElse("");
        String type = store.read("/libxl/" + domid + "/type").map(text -> switch (text) {
            case "hvm" -> "HVM";
            case "pvh" -> "PVH";
            case "pv" -> "PV";
            default -> "";
        }).orElse("");
        long target = number(store.read(base + "/memory/target"));
        // libxl's target leaves out the video memory, its maximum does not.
        long video = Math.max(0, number(store.read(base + "/memory/videoram")));
        return Optional.of(new Domain(domid, limited(name.orElse("")), limited(uuid).toLowerCase(Locale.ROOT), type,
                number(store.read(base + "/memory/static-max")), target < 0 ? -1 : target + video,
                vcpus(store, base)));
    }

    private static int vcpus(XenStore store, String base) {
        List<String> entries = store.directory(base + "/cpu");
        if (entries.isEmpty()) {
            return -1;
        }
        return (int) entries.stream().filter(cpu -> store.read(base + "/cpu/" + cpu + "/availability")
                .filter("online"::equals).isPresent()).count();
    }

    private static String limited(String text) {
        return text.length() > MAX_NAME ? text.substring(0, MAX_NAME) : text;
    }

    /** -1 when it is none. */
    private static int domid(String text) {
        try {
            int number = Integer.parseInt(text);
            return number >= MAX_DOMID || number < 0 || !Integer.toString(number).equals(text) ? -1 : number;
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    private static long number(Optional<String> text) {
        try {
            long number = Long.parseLong(text.orElse("-1"));
            // More than 4 PiB is more than x86 can address.
            return number < 0 || number > 1L << 42 ? -1 : number;
        } catch (NumberFormatException e) {
            return -1;
        }
    }
}
