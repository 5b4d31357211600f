// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.translation.AddressSpace;

/**
 * By what one boot of a guest is told from another, at the cost of a few words: the banner where it was; where the first
 * process's {@code task_struct} lies; when it was started, to the nanosecond. That the clock goes on tells a kernel that
 * runs from one whose memory a reboot has merely left behind.
 *
 * @param kernelThere whether the kernel that was attached to is still where it was, and its first process leads back to it;
 *                    if not, this is what a reboot left of it
 * @param first       GVA of the first process's {@code task_struct}; empty as long as there is none
 * @param started     when that was started, in the kernel's own form
 * @param seconds     the kernel's real time, in seconds since 1970; 0 where it is known and cannot be read; empty where
 *                    it is not known
 */
record BootMark(boolean kernelThere, OptionalLong first, long started, OptionalLong seconds) {
    private static final List<String> STARTS = List.of("start_boottime", "real_start_time", "start_time");
    private static final String TIMEKEEPER = "timekeeper";
    /** Its older names (before 3.17 and since 7.2 it stands otherwise, or among others). */
    private static final List<String> CLOCKS = List.of("tk_core", "timekeeper_data");
    private static final String BANNER = "linux_banner";
    private static final String TASK = "task_struct";

    /** What it wants to know of a kernel. */
    static Needs needs() {
        return new Needs(Set.of("init_task", "tk_core", "timekeeper_data"), Set.of("task_struct.tasks",
                "task_struct.start_boottime", "task_struct.real_start_time", "task_struct.start_time",
                "timekeeper.xtime_sec", "tk_data.timekeeper"));
    }

    /** Reads the mark. The address space must have been refreshed. */
    static BootMark read(Kernel kernel, AddressSpace space) {
        OptionalLong first = OptionalLong.empty();
        long started = 0;
        Long banner = kernel.identity().symbols().get(BANNER);
        boolean there = banner == null || holds(space, banner, kernel.identity().banner());
        OptionalLong init = kernel.findSymbol("init_task");
        Optional<Member> tasks = kernel.profile().member(TASK, "tasks");
        if (there && init.isPresent() && tasks.isPresent()) {
            try {
                long head = init.getAsLong() + tasks.get().offset();
                long node = space.readPointer(head);
                if (node != head) {
                    first = OptionalLong.of(node - tasks.get().offset());
                    started = started(kernel, space, first.getAsLong());
                    // The first process stays where it is in the list for as long as the kernel runs.
                    there = space.readPointer(node + space.pointerSize()) == head;
                }
            } catch (MemoryFault gone) {
                there = false;
            }
        }
        return new BootMark(there, first, started, there ? seconds(kernel, space) : OptionalLong.empty());
    }

    /** The same boot, at another time. */
    BootMark at(OptionalLong otherSeconds) {
        return new BootMark(kernelThere, first, started, otherSeconds);
    }

    private static boolean holds(AddressSpace space, long gva, String text) {
        byte[] expected = text.getBytes(StandardCharsets.UTF_8);
        byte[] found = new byte[expected.length];
        try {
            space.read(gva, found, 0, found.length);
            return Arrays.equals(found, expected);
        } catch (MemoryFault gone) {
            return false;
        }
    }

    private static long started(Kernel kernel, AddressSpace space, long task) {
        long all = 0;
        for (String name : STARTS) {
            Optional<Member> start = kernel.profile().member(TASK, name);
            for (int at = 0; start.isPresent() && at + 4 <= Math.min(16, start.get().size()); at += 4) {
                all = all * 31 + space.readInt(task + start.get().offset() + at);
            }
        }
        return all;
    }

    private static OptionalLong seconds(Kernel kernel, AddressSpace space) {
        Optional<Member> seconds = kernel.profile().member(TIMEKEEPER, "xtime_sec");
        if (seconds.isEmpty()) {
            return OptionalLong.empty();
        }
        OptionalLong at = kernel.findSymbol(TIMEKEEPER);
        if (at.isEmpty()) {
            // struct tk_core begins with a sequence counter; since 6.13 it has a tag, and so an offset.
            long begin = kernel.profile().member("tk_data", TIMEKEEPER).map(Member::offset).orElse(8);
            for (String name : CLOCKS) {
                OptionalLong core = kernel.findSymbol(name);
                at = at.isPresent() || core.isEmpty() ? at : OptionalLong.of(core.getAsLong() + begin);
            }
        }
        try {
            return at.isEmpty() ? at : OptionalLong.of(space.readLong(at.getAsLong() + seconds.get().offset()));
        } catch (MemoryFault gone) {
            return OptionalLong.of(0);
        }
    }

    /** Why the other one, of another kernel in the same memory, is of the kernel that runs rather than this; empty if not. */
    Optional<String> whyRatherThan(BootMark other) {
        if (!other.kernelThere) {
            return Optional.empty();
        } else if (!kernelThere) {
            return Optional.of("what is left of it: its first process does not lead back to it");
        }
        long later = other.seconds.orElse(0) - seconds.orElse(0);
        return seconds.isPresent() && other.seconds.isPresent() && later > 0
                ? Optional.of("whole too, and its clock stopped " + later + " s before the running one's") : Optional.empty();
    }

    /** How far the clock was set back since an earlier mark; empty when it was not. An adjustment of a second is none. */
    OptionalLong secondsBack(BootMark earlier) {
        if (seconds.isEmpty() || earlier.seconds.isEmpty() || seconds.getAsLong() == 0) {
            return OptionalLong.empty();
        }
        long back = earlier.seconds.getAsLong() - seconds.getAsLong();
        return back > 1 ? OptionalLong.of(back) : OptionalLong.empty();
    }

    /** Whether this and an earlier mark are of one boot. That there was no process yet does not make it another. */
    boolean isSameBootAs(BootMark earlier) {
        return kernelThere && (earlier.first.isEmpty() || first.equals(earlier.first) && started == earlier.started);
    }
}
