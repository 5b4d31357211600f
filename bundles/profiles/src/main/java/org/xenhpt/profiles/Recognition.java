// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.translation.AddressSpace;

/**
 * Recognises the build of a profile that has neither banner nor build id, as those made from old kernels' symbol
 * packages: by what the running kernel has at the addresses that the profile gives. Two builds of one release differ in
 * where their variables lie, so that a profile of another one leads to something else.
 *
 * <p>The banner tells how far the kernel was moved; {@code init_task} must then be the idle task, at the head of a whole
 * list of tasks with numbers; and what it leads to must lie where the profile says.
 */
final class Recognition {
    /** Members of init_task that lead to a variable of the kernel for as long as it runs (INIT_TASK). */
    private static final Map<String, String> LEADS_TO = new LinkedHashMap<>();

    static {
        LEADS_TO.put("signal", "init_signals");
        LEADS_TO.put("sighand", "init_sighand");
        LEADS_TO.put("files", "init_files");
        LEADS_TO.put("fs", "init_fs");
        LEADS_TO.put("nsproxy", "init_nsproxy");
        LEADS_TO.put("cred", "init_cred");
        LEADS_TO.put("stack", "init_thread_union");
        LEADS_TO.put("thread_info", "init_thread_union");
    }

    /** Fewer could be where they are by chance: the first variables of a section keep their places in a rebuild. */
    private static final int FEWEST_LEADS = 3;
    private static final int NAME_LENGTH = 16;
    private static final String IDLE = "swapper";
    private static final int PAGE = 4096;
    private static final int LARGE_PAGE = 2 << 20;
    private static final int HIGHEST_PID = 4 * 1024 * 1024;
    /** In bytes; no kernel's task_struct is smaller. */
    private static final int LEAST_TASK = 512;
    /** A list that changes while it is walked is walked again. */
    private static final int READINGS = 5;

    private final Profile profile;
    private final KernelIdentity kernel;
    private final AddressSpace space;
    private long moved;
    private String whyNot = "";

    Recognition(Profile profile, KernelIdentity kernel, AddressSpace space) {
        this.profile = profile;
        this.kernel = kernel;
        this.space = space;
    }

    /** Why the profile is not believed, in a clause; empty before {@link #recognise} and when it is. */
    String whyNot() {
        return whyNot;
    }

    /** The profile, with link addresses that fit the kernel's KASLR offset; empty when it is of another build. */
    Optional<Profile> recognise() {
        try {
            int leads = check();
            return leads < 0 ? Optional.empty() : Optional.of(believed(leads));
        } catch (MemoryFault fault) {
            whyNot = "what it leads to cannot be read: " + fault.detail();
            return Optional.empty();
        }
    }

    private int check() {
        Long banner = profile.symbols().get("linux_banner");
        Long init = profile.symbols().get("init_task");
        Long found = kernel.symbols().get("linux_banner");
        if (banner == null || init == null || found == null || member("comm").isEmpty() || member("tasks").isEmpty()
                || member("pid").isEmpty()) {
            return reject("it has neither banner nor build-id, and not the symbols linux_banner and init_task with"
                    + " task_struct's comm, tasks and pid, by which the build could be recognised");
        }
        moved = found - banner;
        // A kernel is moved by whole pages; on x86-64 by large ones, which its image is mapped with.
        int unit = kernel.architecture() == Architecture.X86_64 ? LARGE_PAGE : PAGE;
        if (moved % unit != 0) {
            return reject("its linux_banner is at 0x" + Long.toHexString(banner) + ", from where the running kernel's,"
                    + " at 0x" + Long.toHexString(found) + ", cannot have been moved");
        }
        long task = address(init);
        String name = text(task + member("comm").get().offset());
        if (!name.startsWith(IDLE) || space.readInt(task + member("pid").get().offset()) != 0) {
            return reject("its init_task, moved like linux_banner, is not the idle task");
        }
        int leads = 0;
        for (Map.Entry<String, String> lead : LEADS_TO.entrySet()) {
            Optional<Member> member = member(lead.getKey());
            Long symbol = profile.symbols().get(lead.getValue());
            if (member.isPresent() && symbol != null) {
                if (space.readPointer(task + member.get().offset()) != address(symbol)) {
                    return reject("its init_task's " + lead.getKey() + " does not lead to its " + lead.getValue());
                }
                leads++;
            }
        }
        if (leads < FEWEST_LEADS) {
            return reject("it tells of only " + leads + " variables that init_task leads to: too few to know its"
                    + " build by");
        }
        for (int reading = 0; reading < READINGS; reading++) {
            if (isWhole(task)) {
                return leads;
            }
            space.refresh();
        }
        return reject("its init_task is not on a whole list of tasks");
    }

    private boolean isWhole(long init) {
        int tasks = member("tasks").get().offset();
        int pid = member("pid").get().offset();
        long most = space.memory().ranges().stream().mapToLong(MemoryRange::size).sum() / LEAST_TASK;
        long from = init + tasks;
        long node = space.readPointer(from);
        // A node that leads back to where its address came from cannot come by twice without the head coming by.
        for (long count = 0; node != init + tasks; count++) {
            if (count > most || space.find(node) == AddressSpace.UNMAPPED
                    || space.readPointer(node + space.pointerSize()) != from) {
                return false;
            }
            int number = space.readInt(node - tasks + pid);
            if (number <= 0 || number > HIGHEST_PID) {
                return false;
            }
            from = node;
            node = space.readPointer(node);
        }
        return from != node && space.readPointer(node + space.pointerSize()) == from;
    }

    private int reject(String why) {
        whyNot = why;
        return -1;
    }

    private Optional<Member> member(String name) {
        return profile.member("task_struct", name);
    }

    private long address(long linked) {
        return kernel.architecture() == Architecture.I386 ? linked + moved & 0xffffffffL : linked + moved;
    }

    private String text(long gva) {
        byte[] bytes = new byte[NAME_LENGTH];
        space.read(gva, bytes, 0, bytes.length);
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private Profile believed(int leads) {
        // Whoever uses the profile adds the KASLR offset, which need not be how far the kernel was moved from where it
        // was linked: kernels before KASLR were linked at other addresses than those after.
        long correction = moved - kernel.kaslrOffset();
        Map<String, Long> symbols = new TreeMap<>(profile.symbols());
        if (correction != 0) {
            long lowest = kernel.architecture().lowestImageAddress();
            symbols.replaceAll((name, linked) -> Long.compareUnsigned(linked, lowest) < 0 ? linked
                    : kernel.architecture() == Architecture.I386 ? linked + correction & 0xffffffffL
                            : linked + correction);
        }
        Origin origin = profile.origin();
        return new Profile(profile.name(), profile.kernel(), new Origin(origin.source(), origin.from()
                + "; recognised by the addresses of linux_banner, init_task and " + leads + " that it leads to",
                origin.made(), origin.confidence()), symbols, profile.structs(), profile.constants());
    }
}
