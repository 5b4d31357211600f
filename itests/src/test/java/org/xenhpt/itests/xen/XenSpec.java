// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.xen;

import java.util.ArrayList;
import java.util.List;

/**
 * What guest to create: the options of {@code itests/lab/xenlab guest create}.
 *
 * @param name   its name, the lab's own as long as it lives
 * @param kind   how Xen runs it
 * @param kernel name in the lab, such as {@code bookworm-amd64}
 * @param vcpus  number of vCPUs
 */
record XenSpec(String name, Kind kind, String kernel, int vcpus) {
    /** How Xen runs a guest. */
    enum Kind {
        /** With emulated devices, its page tables nested in Xen's. */
        HVM("HVM"),
        /** With emulated devices, its page tables shadowed by Xen. */
        HVM_SHADOW("HVM", "--shadow"),
        /** Without emulated devices. Its kernel is not moved by KASLR, for it starts without its own loader. */
        PVH("PVH", "--pvh"),
        /** Without a physical address space of its own. */
        PV("PV", "--pv");

        private final String type;
        private final List<String> options;

        Kind(String type, String... options) {
            this.type = type;
            this.options = List.of(options);
        }

        /** As hpt names it. */
        String type() {
            return type;
        }
    }

    static final int MEMORY_MIB = 192;

    List<String> options() {
        List<String> all = new ArrayList<>(kind.options);
        all.addAll(List.of("--kernel", kernel, "--vcpus", "" + vcpus, "--memory", "" + MEMORY_MIB));
        return all;
    }

    /** How hpt names this guest. */
    String uri() {
        return "xen:" + name;
    }
}
