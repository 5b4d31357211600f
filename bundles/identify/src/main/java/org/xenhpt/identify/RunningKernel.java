// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.StructLayout;
import org.xenhpt.identify.btf.Btf;
import org.xenhpt.identify.btf.BtfFinder;
import org.xenhpt.identify.btf.BtfLayouts;
import org.xenhpt.identify.kallsyms.Kallsyms;

/**
 * Chooses among kernels that are all whole in memory. That happens: a reboot does not clear RAM, kexec leaves the old
 * kernel where it was, and a crash kernel runs beside the one that crashed.
 *
 * <p>One that wrote down its panic runs no more, while another is there. Of the rest, that runs whose clock stands
 * latest ({@code timekeeper.xtime_sec}, updated with every tick of a running kernel). A kernel whose clock cannot be
 * read loses against one whose can; without any clock the first met is taken.
 */
final class RunningKernel {
    /** Kernels with further clocks (7.2) have them in an array, whose first is the one that was tk_core. */
    private static final List<String> TIMEKEEPERS = List.of("tk_core", "timekeeper_data");
    /**
     * tk_core begins with a sequence counter; since 6.13 its type has a name, and BTF tells where the clock is in it.
     */
    private static final int AFTER_SEQUENCE = 8;
    private static final long YEAR_2000 = 946_684_800L;
    private static final long YEAR_2200 = 7_258_118_400L;

    private final PhysicalMemory memory;
    private final Map<FoundKernel, OptionalLong> clocks = new HashMap<>();

    RunningKernel(PhysicalMemory memory) {
        this.memory = memory;
    }

    FoundKernel choose(List<FoundKernel> kernels) {
        List<FoundKernel> alive = kernels.stream().filter(kernel -> !kernel.crashed()).toList();
        List<FoundKernel> among = alive.isEmpty() ? kernels : alive;
        FoundKernel best = among.get(0);
        if (among.size() > 1) {
            for (FoundKernel kernel : among) {
                if (clock(kernel).orElse(0) > clock(best).orElse(0)) {
                    best = kernel;
                }
            }
        }
        return best;
    }

    /** Why a kernel that is whole was not taken for the running one, in a clause. */
    String why(FoundKernel other, FoundKernel chosen) {
        if (other.crashed() && !chosen.crashed()) {
            return "whole too, and its VMCOREINFO tells of its panic";
        }
        OptionalLong clock = clock(other);
        if (clock.isPresent() && clock(chosen).isPresent()) {
            return "whole too, and its clock stopped " + (clock(chosen).getAsLong() - clock.getAsLong())
                    + " s before the running one's";
        }
        return "whole too; its clock cannot be read, so that this is a guess: it was met later";
    }

    private OptionalLong clock(FoundKernel kernel) {
        OptionalLong known = clocks.get(kernel);
        if (known == null) {
            known = readClock(kernel);
            clocks.put(kernel, known);
        }
        return known;
    }

    private OptionalLong readClock(FoundKernel kernel) {
        Collection<String> tried = new ArrayList<>();
        KernelImage image = new KernelImage(memory, kernel.space(), kernel.start(), kernel.end());
        OptionalLong seen = ImageClock.seconds(image);
        if (seen.isPresent()) {
            return seen;
        }
        Map<String, Long> symbols = new HashMap<>(kernel.vmcoreinfo().map(Vmcoreinfo::symbols).orElse(Map.of()));
        symbols.put("linux_banner", kernel.bannerAt());
        Optional<Kallsyms> kallsyms = Kallsyms.find(image, symbols, tried);
        List<String> wanted = new ArrayList<>(BtfFinder.symbols());
        wanted.addAll(TIMEKEEPERS);
        kallsyms.ifPresent(k -> symbols.putAll(k.lookUp(wanted)));
        Optional<Btf> btf = BtfFinder.find(image, symbols, tried).map(BtfFinder.Found::btf);
        Optional<Long> timekeeper = TIMEKEEPERS.stream().filter(symbols::containsKey).map(symbols::get).findFirst();
        if (btf.isEmpty() || timekeeper.isEmpty()) {
            return OptionalLong.empty();
        }
        Map<String, StructLayout> structs = BtfLayouts.of(btf.get(), Set.of("timekeeper.xtime_sec",
                "tk_data.timekeeper")).structs();
        Optional<Member> seconds = member(structs, "timekeeper", "xtime_sec");
        int begin = member(structs, "tk_data", "timekeeper").map(Member::offset).orElse(AFTER_SEQUENCE);
        if (seconds.isEmpty()) {
            return OptionalLong.empty();
        }
        try {
            long clock = kernel.space().readLong(timekeeper.get() + begin + seconds.get().offset());
            return clock >= YEAR_2000 && clock < YEAR_2200 ? OptionalLong.of(clock) : OptionalLong.empty();
        } catch (MemoryFault gone) {
            return OptionalLong.empty();
        }
    }

    private static Optional<Member> member(Map<String, StructLayout> structs, String tag, String name) {
        return Optional.ofNullable(structs.get(tag)).map(layout -> layout.members().get(name));
    }
}
