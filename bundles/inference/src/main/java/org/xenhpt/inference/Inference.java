// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;

/** Finds out how a kernel keeps its tasks from the tasks themselves. */
final class Inference {
    private static final int READINGS = 5;
    /** Places at init_task and inside it; a handful. */
    private static final int MOST_LISTS = 32;
    private static final int MOST_NAMED = 8;
    /** The more members fit together, the better; then the more tasks. */
    private static final Comparator<Findings> ORDER = Comparator.comparingInt((Findings f) -> f.evidence().size())
            .thenComparingInt(Findings::tasks);

    private final KernelMemory memory;
    private final List<String> rejected = new ArrayList<>();

    Inference(KernelMemory memory) {
        this.memory = memory;
    }

    /** What was looked at and not believed. */
    List<String> rejected() {
        return rejected;
    }

    /** What was found out, or empty when there is no init_task with a list of processes. */
    Optional<Findings> run() {
        List<InitTaskSearch.Place> places = new InitTaskSearch(memory).places();
        if (places.isEmpty()) {
            rejected.add("no task named swapper, as the idle task is, that points to itself in the kernel image");
            return Optional.empty();
        }
        Optional<Findings> best = read(places);
        if (best.isEmpty()) {
            for (InitTaskSearch.Place place : places.subList(0, Math.min(places.size(), MOST_NAMED))) {
                rejected.add("an idle task's name at GVA 0x" + Long.toHexString(place.gva())
                        + " is on no whole list of named tasks");
            }
        }
        best.ifPresent(findings -> {
            if (WallClock.isFor(memory)) {
                new WallClock(memory, findings).find();
            } else {
                new Timekeeper(memory, findings).find();
            }
            new RunningTasks(memory, findings).find();
        });
        return best;
    }

    /** As {@link #run}, of what was found in this build before. Quicker: the kernel image is not searched. */
    Optional<Findings> again(Function<String, OptionalLong> symbols, int name) {
        long initTask = symbols.apply("init_task").orElse(0);
        if (!memory.leadsSomewhere(initTask) || !memory.snapshot(initTask + name, Snapshot.NAME_LENGTH).isName(0)) {
            return Optional.empty();
        }
        Optional<Findings> best = read(List.of(new InitTaskSearch.Place(initTask, name)));
        best.ifPresent(findings -> {
            if (WallClock.isFor(memory)) {
                WallClock clock = new WallClock(memory, findings);
                symbols.apply(WallClock.VARIABLE).ifPresentOrElse(clock::findAt, clock::find);
            } else {
                Timekeeper clock = new Timekeeper(memory, findings);
                symbols.apply(Timekeeper.STRUCT).ifPresentOrElse(clock::findAt, clock::find);
            }
            RunningTasks running = new RunningTasks(memory, findings);
            symbols.apply(RunningTasks.CURRENT).ifPresentOrElse(current -> running.findAt(current,
                    symbols.apply(RunningTasks.OFFSETS).orElse(0), symbols.apply(RunningTasks.OWN_OFFSET).orElse(0)),
                    running::find);
        });
        return best;
    }

    private Optional<Findings> read(List<InitTaskSearch.Place> places) {
        Optional<Findings> best = Optional.empty();
        for (int reading = 0; reading < READINGS; reading++) {
            Optional<Findings> now = readOnce(places);
            boolean same = now.isPresent() && best.isPresent() && now.get().missing().equals(best.get().missing());
            if (now.isPresent() && (best.isEmpty() || ORDER.compare(now.get(), best.get()) > 0)) {
                best = now;
            }
            // In a guest that changes meanwhile, what is missing may be there the next time; what stays missing is
            // missing.
            if (!memory.live() || same || best.isPresent() && best.get().missing().isEmpty()) {
                break;
            }
            memory.refresh();
        }
        return best;
    }

    private Optional<Findings> readOnce(List<InitTaskSearch.Place> places) {
        List<Tasks> lists = new ArrayList<>();
        for (InitTaskSearch.Place place : places) {
            new TaskList(memory, place).find().ifPresent(lists::add);
            lists.sort(Comparator.comparingInt(Tasks::count).reversed());
            if (lists.size() > MOST_LISTS) {
                lists.remove(MOST_LISTS);
            }
        }
        // A place inside init_task to which words lead looks like its start until the members that lead to a task
        // itself are asked for.
        return lists.stream().map(this::members).max(ORDER);
    }

    private Findings members(Tasks tasks) {
        Findings findings = new Findings(tasks.count());
        int pointer = memory.pointerSize();
        findings.symbol("init_task", tasks.init().gva(),
                "a task named as idle tasks are that is its own parent, in the kernel image");
        int count = tasks.count();
        findings.add("task_struct", "comm", new Candidate(tasks.nameOffset(), count, count), Snapshot.NAME_LENGTH,
                "char[16]", "a name ends there, as in init_task");
        findings.add("task_struct", "tasks", new Candidate(tasks.listOffset(), count, count), 2 * pointer,
                "struct list_head", "a circular list through init_task leads from name to name");
        new Identity(tasks, findings).find();
        new Family(tasks, findings).find();
        if (!findings.has("task_struct", "real_parent") && !findings.has("task_struct", "group_leader")) {
            // Not where a task begins: all further offsets would be as wrong.
            return findings;
        }
        new Signals(tasks, findings).find();
        new PidLinks(tasks, findings).find();
        new Scheduling(tasks, findings).stackAndState();
        new Memory(tasks, findings).find();
        new Times(tasks, findings).find();
        new Scheduling(tasks, findings).runtime();
        if (OldCredentials.isFor(memory)) {
            new OldCredentials(tasks, findings).find();
        } else {
            new Credentials(tasks, findings).find();
        }
        new KernelThreads(tasks, findings).find();
        return findings;
    }
}
