// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Finds out how a kernel keeps its tasks from the tasks themselves. */
final class Inference {
    private static final int READINGS = 5;

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
            rejected.add("no task named swapper that points to itself in the kernel image");
        }
        for (int reading = 0; reading < (memory.live() ? READINGS : 1) && !places.isEmpty(); reading++) {
            if (reading > 0) {
                memory.refresh();
            }
            List<Findings> found = new ArrayList<>();
            for (InitTaskSearch.Place place : places) {
                new TaskList(memory, place).find().map(this::members).ifPresent(found::add);
            }
            // A place inside init_task to which words lead looks like its start until the members that lead to a task itself
            // are asked for.
            Optional<Findings> best = found.stream().max(Comparator.comparingInt((Findings f) -> f.evidence().size())
                    .thenComparingInt(Findings::tasks));
            if (best.isPresent()) {
                new Timekeeper(memory, best.get()).find();
                return best;
            }
        }
        for (InitTaskSearch.Place place : places) {
            rejected.add("swapper at GVA 0x" + Long.toHexString(place.gva()) + " is on no whole list of named tasks");
        }
        return Optional.empty();
    }

    private Findings members(Tasks tasks) {
        Findings findings = new Findings(tasks.count());
        int pointer = memory.pointerSize();
        findings.symbol("init_task", tasks.init().gva());
        int count = tasks.count();
        findings.add("task_struct", "comm", new Candidate(tasks.nameOffset(), count, count), Snapshot.NAME_LENGTH,
                "char[16]", "a name ends there, as in init_task");
        findings.add("task_struct", "tasks", new Candidate(tasks.listOffset(), count, count), 2 * pointer,
                "struct list_head", "a circular list through init_task leads from name to name");
        new Identity(tasks, findings).find();
        new Family(tasks, findings).find();
        new Signals(tasks, findings).find();
        new Scheduling(tasks, findings).stackAndState();
        new Memory(tasks, findings).find();
        new Times(tasks, findings).find();
        new Scheduling(tasks, findings).runtime();
        new Credentials(tasks, findings).find();
        new KernelThreads(tasks, findings).find();
        return findings;
    }
}
