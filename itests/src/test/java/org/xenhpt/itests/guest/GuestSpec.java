// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.guest;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What guest to boot: the options of {@code itests/lab/guest}.
 *
 * @param kernel     name in the lab, such as {@code bookworm-amd64}
 * @param memoryMiB  size of its RAM
 * @param cpus       number of vCPUs
 * @param la57       whether its CPU has 5-level paging
 * @param ram        how QEMU holds its RAM
 * @param vmcoreinfo whether it hands its VMCOREINFO to QEMU
 * @param crashKernel whether it loads a crash kernel, the same one, that runs when it panics
 * @param append     more of the kernel's command line
 */
public record GuestSpec(String kernel, int memoryMiB, int cpus, boolean la57, Ram ram, boolean vmcoreinfo,
        boolean crashKernel, String append) {
    /** How QEMU holds a guest's RAM. */
    public enum Ram {
        /** A file that others can map. */
        FILE,
        /** Shared memory without a name in the file system. */
        MEMFD,
        /** QEMU's own memory: only {@code /proc/PID/mem} reaches it. */
        PRIVATE
    }

    /** A guest of 256 MiB with one vCPU, 4-level paging and its RAM in a file. */
    public static GuestSpec of(String kernel) {
        return new GuestSpec(kernel, 256, 1, false, Ram.FILE, false, false, "");
    }

    public GuestSpec memoryMiB(int size) {
        return new GuestSpec(kernel, size, cpus, la57, ram, vmcoreinfo, crashKernel, append);
    }

    public GuestSpec cpus(int number) {
        return new GuestSpec(kernel, memoryMiB, number, la57, ram, vmcoreinfo, crashKernel, append);
    }

    public GuestSpec withLa57() {
        return new GuestSpec(kernel, memoryMiB, cpus, true, ram, vmcoreinfo, crashKernel, append);
    }

    public GuestSpec ram(Ram how) {
        return new GuestSpec(kernel, memoryMiB, cpus, la57, how, vmcoreinfo, crashKernel, append);
    }

    public GuestSpec withVmcoreinfo() {
        return new GuestSpec(kernel, memoryMiB, cpus, la57, ram, true, crashKernel, append);
    }

    public GuestSpec withCrashKernel() {
        return new GuestSpec(kernel, memoryMiB, cpus, la57, ram, vmcoreinfo, true, append);
    }

    public GuestSpec append(String more) {
        return new GuestSpec(kernel, memoryMiB, cpus, la57, ram, vmcoreinfo, crashKernel, more);
    }

    List<String> options() {
        List<String> options = new ArrayList<>(List.of("--kernel", kernel, "--memory", "" + memoryMiB,
                "--cpus", "" + cpus, "--ram", ram.name().toLowerCase(Locale.ROOT), "--append", append));
        if (la57) {
            options.add("--la57");
        }
        if (vmcoreinfo) {
            options.add("--vmcoreinfo");
        }
        if (crashKernel) {
            options.add("--crash");
        }
        return options;
    }
}
