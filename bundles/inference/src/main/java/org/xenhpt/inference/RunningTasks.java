// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Where each CPU keeps the task it runs: {@code current_task}, which the kernel's code reads wherever it says {@code
 * current}, and {@code __per_cpu_offset}, by which each CPU's copy is found. What tells the latter from other arrays is
 * {@code this_cpu_off}: at one place in every CPU's data stands that CPU's own element of the array. A kernel for one
 * CPU has no such array, and reads {@code current_task} as any other variable.
 *
 * <p>From 6.2 to 6.14 (commit e57ef2ed97c1) it is the first member of {@code pcpu_hot}, which is read alike and called
 * {@code current_task} here. Up to 2.6.29 x86-64 keeps it elsewhere, in the PDA, which is not looked for.
 */
final class RunningTasks {
    static final String CURRENT = "current_task";
    static final String OFFSETS = "__per_cpu_offset";
    static final String OWN_OFFSET = "this_cpu_off";
    private static final String TASK = "task_struct";
    /** NR_CPUS of the largest configuration that x86 allows (MAXSMP). */
    private static final int MOST_CPUS = 8192;
    /** Even the smallest kernels read it a thousand times. */
    private static final int LEAST_READ = 100;
    /** By how much it is read more often than any other place that holds a task. */
    private static final int AHEAD = 4;
    private static final int MOST_ASKED = 512;
    /** Where x86-64's compilers expect the stack's canary, in kernels for one CPU too. */
    private static final long CANARY = 0x28;
    private static final int HIGHEST_PID = 4 * 1024 * 1024;
    /** A task may end between two words read of it. */
    private static final int READINGS = 5;

    private final KernelMemory memory;
    private final Findings findings;
    private final int pointer;
    private final OptionalInt pid;
    private final OptionalInt tgid;
    private final OptionalInt leader;
    private final OptionalInt name;
    private final long init;
    /** The name of each CPU's idle task, without the CPU's number. */
    private final String idle;

    RunningTasks(KernelMemory memory, Findings findings) {
        this.memory = memory;
        this.findings = findings;
        this.pointer = memory.pointerSize();
        this.pid = findings.offset(TASK, "pid");
        this.tgid = findings.offset(TASK, "tgid");
        this.leader = findings.offset(TASK, "group_leader");
        this.name = findings.offset(TASK, "comm");
        this.init = findings.symbols().get("init_task");
        this.idle = name.isEmpty() ? "" : memory.snapshot(init + name.getAsInt(), Snapshot.NAME_LENGTH)
                .text(0, Snapshot.NAME_LENGTH).replaceFirst("/\\d+$", "");
    }

    /** The array of offsets, and where in a CPU's data its own is. */
    private record Areas(long array, long own, List<Long> offsets) {
    }

    void find() {
        if (pid.isEmpty() || tgid.isEmpty() || leader.isEmpty() || name.isEmpty()) {
            findings.missing(CURRENT + ": without pid, tgid and group_leader a task is not known again");
            return;
        }
        CodeReferences code = CodeReferences.of(memory);
        List<CodeReferences.Place> perCpu = code.perCpu().stream().filter(place -> place.at() != CANARY).toList();
        if (!perCpu.isEmpty() && perCpu.get(0).count() >= LEAST_READ) {
            Optional<Areas> areas = areas(perCpu, code.arrays());
            if (areas.isEmpty()) {
                findings.missing(CURRENT + ": no array that code indexes leads to each CPU's own data");
                return;
            }
            best(perCpu, areas.get().offsets).ifPresent(place -> add(place, areas.get()));
        } else {
            // A kernel for one CPU, which has its per-CPU variables as ordinary ones.
            best(code.plain(), List.of(0L)).ifPresent(place -> findings.symbol(CURRENT, place.at(), why(place)
                    + "; the kernel is one for a single CPU"));
        }
    }

    /** Asks only whether what was learnt before holds. */
    void findAt(long current, long array, long own) {
        List<Long> offsets = array == 0 ? List.of(0L) : offsets(array, own);
        if (pid.isPresent() && tgid.isPresent() && leader.isPresent() && name.isPresent() && !offsets.isEmpty()
                && holdsTasks(current, offsets)) {
            CodeReferences.Place place = new CodeReferences.Place(current, 0);
            if (array == 0) {
                findings.symbol(CURRENT, current, "holds a task; learnt earlier");
            } else {
                add(place, new Areas(array, own, offsets));
            }
        } else {
            findings.missing(CURRENT + ": what was learnt of it does not hold");
        }
    }

    private void add(CodeReferences.Place place, Areas areas) {
        String cpus = areas.offsets.size() == 1 ? "the one CPU" : "each of " + areas.offsets.size() + " CPUs";
        findings.symbol(CURRENT, place.at(), why(place) + "; holds a task on " + cpus);
        findings.symbol(OFFSETS, areas.array, "an array of which " + cpus + " has its own element in its own data");
        findings.symbol(OWN_OFFSET, areas.own, "holds the CPU's element of " + OFFSETS + " on " + cpus);
    }

    private static String why(CodeReferences.Place place) {
        return place.count() == 0 ? "learnt earlier" : "of the places that hold a task, the one that most instructions"
                + " read (" + place.count() + ")";
    }

    private Optional<Areas> areas(List<CodeReferences.Place> perCpu, List<CodeReferences.Place> arrays) {
        for (CodeReferences.Place array : arrays.subList(0, Math.min(MOST_ASKED, arrays.size()))) {
            long first = memory.inImage(array.at()) ? memory.pointer(array.at()) : 0;
            for (CodeReferences.Place own : first == 0 ? List.<CodeReferences.Place>of()
                    : perCpu.subList(0, Math.min(MOST_ASKED, perCpu.size()))) {
                if (memory.pointer(gva(first + own.at())) == first) {
                    List<Long> offsets = offsets(array.at(), own.at());
                    if (!offsets.isEmpty()) {
                        return Optional.of(new Areas(array.at(), own.at(), offsets));
                    }
                }
            }
        }
        return Optional.empty();
    }

    /** The elements of CPUs that have data of their own; those after them are all alike, or 0. */
    private List<Long> offsets(long array, long own) {
        List<Long> offsets = new ArrayList<>();
        Set<Long> seen = new HashSet<>();
        for (int cpu = 0; cpu < MOST_CPUS; cpu++) {
            long offset = memory.pointer(array + (long) cpu * pointer);
            // What other elements of the array are set to leads to the kernel's own copy, which is given back.
            if (offset == 0 || memory.inImage(offset) || memory.pointer(gva(offset + own)) != offset
                    || !seen.add(offset)) {
                break;
            }
            offsets.add(offset);
        }
        return offsets;
    }

    private Optional<CodeReferences.Place> best(List<CodeReferences.Place> places, List<Long> offsets) {
        List<CodeReferences.Place> found = places.stream().limit(MOST_ASKED)
                .filter(place -> holdsTasks(place.at(), offsets)).limit(2).toList();
        if (found.isEmpty() || found.get(0).count() < LEAST_READ) {
            findings.missing(CURRENT + ": no place that code reads often holds a task on each CPU");
            return Optional.empty();
        }
        if (found.size() > 1 && found.get(0).count() < AHEAD * found.get(1).count()) {
            findings.missing(CURRENT + ": two places that hold a task are read " + found.get(0).count() + " and "
                    + found.get(1).count() + " times");
            return Optional.empty();
        }
        return Optional.of(found.get(0));
    }

    private boolean holdsTasks(long place, List<Long> offsets) {
        return offsets.stream().allMatch(offset -> holdsTask(gva(place + offset)));
    }

    private boolean holdsTask(long gva) {
        for (int reading = 0; reading < READINGS; reading++) {
            long task = memory.pointer(gva);
            if (task == init || isTask(task)) {
                return true;
            }
            if (!memory.live() || !memory.leadsSomewhere(task)) {
                return false;
            }
        }
        return false;
    }

    /** Of a process or thread, or a CPU's idle task, which is on no list. */
    private boolean isTask(long task) {
        if (!memory.leadsSomewhere(task)) {
            return false;
        }
        int number = memory.int32(task + pid.getAsInt());
        int process = memory.int32(task + tgid.getAsInt());
        long first = memory.pointer(task + leader.getAsInt());
        if (number < 0 || number > HIGHEST_PID || process < 0 || !memory.leadsSomewhere(first)
                || memory.int32(first + pid.getAsInt()) != process) {
            return false;
        }
        Snapshot named = memory.snapshot(task + name.getAsInt(), Snapshot.NAME_LENGTH);
        // Up to 3.1 other CPUs' idle tasks have the name of whom forked them: since 2.6.36 a worker.
        boolean isIdle = named.text(0, Snapshot.NAME_LENGTH).startsWith(idle)
                || memory.before(3, 2, 0) && named.isName(0);
        return number == 0 ? first == task && isIdle : number != process || first == task;
    }

    private long gva(long address) {
        return pointer == 4 ? address & 0xffffffffL : address;
    }
}
