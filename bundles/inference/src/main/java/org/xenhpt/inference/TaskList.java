// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Finds the list of processes: of the lists that go through {@code init_task}, the one on which every node is as far
 * from a name as in {@code init_task}. On all others (children, siblings, control groups, run queues) a node is a
 * list's head or another member, and what is where the name should be is none.
 */
final class TaskList {
    /** Fewer processes tell nothing: init, kthreadd and some of its threads are there before the first program runs. */
    private static final int FEWEST = 8;
    /** PID_MAX_LIMIT of a 64-bit kernel (include/linux/threads.h): user space relies on it. */
    private static final int MOST = 4 * 1024 * 1024;
    /** No kernel's task_struct is smaller. In bytes. */
    private static final int LEAST_TASK = 512;
    /** How much of a task is looked at after its name: the rest is the CPU's state. In bytes. */
    private static final int AFTER_NAME = 2048;
    /** Tasks that are asked; more would not make the answer surer. */
    private static final int ASKED = 2048;
    /** A name may be any bytes (prctl); most are plain. In hundredths. */
    private static final int PLAIN = 75;

    private final KernelMemory memory;
    private final InitTaskSearch.Place place;
    private final long most;

    TaskList(KernelMemory memory, InitTaskSearch.Place place) {
        this.memory = memory;
        this.place = place;
        this.most = Math.min(memory.ram() / LEAST_TASK, MOST);
    }

    /** The processes on the list that most names bear out, or empty when there is none. */
    Optional<Tasks> find() {
        int pointer = memory.pointerSize();
        Snapshot init = memory.snapshot(place.gva(), place.name() + AFTER_NAME);
        int best = -1;
        List<Long> longest = List.of();
        for (int offset = 0; offset + 2 * pointer <= init.length(); offset += pointer) {
            long head = place.gva() + offset;
            long next = init.pointer(offset);
            if (next == head || !memory.leadsSomewhere(next)
                    || !memory.leadsSomewhere(init.pointer(offset + pointer))) {
                continue;
            }
            List<Long> tasks = walk(offset);
            if (tasks.size() > longest.size()) {
                longest = tasks;
                best = offset;
            }
        }
        if (longest.size() < FEWEST) {
            return Optional.empty();
        }
        List<Snapshot> asked = new ArrayList<>();
        int step = Math.max(1, longest.size() / ASKED);
        for (int i = 0; i < longest.size(); i++) {
            // The first ones are kept whatever the step: init and kthreadd are among them.
            if (i < FEWEST || i % step == 0) {
                asked.add(memory.snapshot(longest.get(i), init.length()));
            }
        }
        return Optional.of(new Tasks(memory, init, asked, longest, place.name(), best));
    }

    /** The tasks on the list through a member of init_task; none when it is not whole or its nodes have no names. */
    private List<Long> walk(int offset) {
        int pointer = memory.pointerSize();
        long head = place.gva() + offset;
        List<Long> tasks = new ArrayList<>();
        int plain = 0;
        long from = head;
        long node = memory.pointer(head);
        // A node is believed only if it leads back to where its address came from: that alone bounds the walk, since no
        // node can come by twice without the head coming by.
        while (node != head) {
            if (tasks.size() >= most || !memory.leadsSomewhere(node) || memory.pointer(node + pointer) != from) {
                return List.of();
            }
            long task = node - offset;
            Snapshot name = memory.snapshot(task + place.name(), Snapshot.NAME_LENGTH);
            // One process may have called itself nothing; where every second node has no name, there are no names.
            if (!name.isName(0) && tasks.size() < FEWEST) {
                return List.of();
            }
            if (name.isPlainName(0)) {
                plain++;
            }
            tasks.add(task);
            from = node;
            node = memory.pointer(node);
        }
        boolean whole = memory.pointer(head + pointer) == from;
        return whole && plain * 100L >= tasks.size() * (long) PLAIN ? tasks : List.of();
    }
}
