// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The user and group ids in {@code task_struct} itself, before 2.6.29 (commit b6dff3ec5e11). After them come
 * {@code group_info}, which init_task has in the image, and the sets of capabilities, of which kernel threads have all
 * but the one that nobody had (CAP_SETPCAP).
 */
final class OldCredentials {
    private static final String TASK = "task_struct";
    /** Their order in the 2.6 kernels that have them. */
    private static final List<String> IDS = List.of("uid", "euid", "suid", "fsuid", "gid", "egid", "sgid", "fsgid");
    private static final int IDS_SIZE = 4 * IDS.size();
    private static final int HALF = IDS.size() / 2;

    private final Tasks tasks;
    private final Findings findings;
    private final KernelMemory memory;
    private final int pointer;

    OldCredentials(Tasks tasks, Findings findings) {
        this.tasks = tasks;
        this.findings = findings;
        this.memory = tasks.memory();
        this.pointer = memory.pointerSize();
    }

    /** Whether a kernel of this release keeps them so. */
    static boolean isFor(KernelMemory memory) {
        return memory.before(2, 6, 29);
    }

    void find() {
        List<Candidate> found = new ArrayList<>();
        for (Candidate ids : Candidate.search(0, tasks.window() - IDS_SIZE - 64, 4, tasks.all(), this::areIds)) {
            int groups = ids.offset() + IDS_SIZE + pointer - 1 & -pointer;
            boolean ofInit = isZero(tasks.init(), ids.offset())
                    && memory.inImage(tasks.init().pointer(groups))
                    && Capabilities.areOldFull(tasks.init(), groups + pointer);
            Candidate lead = Candidate.ask(groups, tasks.all(), task -> memory.leadsSomewhere(task.pointer(groups)));
            if (ofInit && lead.convinces()) {
                found.add(ids);
            }
        }
        Optional<Candidate> first = found.size() == 1 ? Optional.of(found.get(0)) : Optional.empty();
        if (first.isEmpty()) {
            findings.missing("uid: " + found.size() + " places in a task could be the ids");
            return;
        }
        for (int i = 0; i < IDS.size(); i++) {
            findings.add(TASK, IDS.get(i), new Candidate(first.get().offset() + 4 * i, first.get().agreed(),
                    first.get().asked()), 4, i < HALF ? "uid_t" : "gid_t",
                    "four users and four groups, 0 for kernel threads, before group_info and capabilities");
        }
    }

    /** A user four times and a group four times; a program that changes its user has one of them differ. */
    private boolean areIds(Snapshot task, int at) {
        if (tasks.isKernelThread(task)) {
            return isZero(task, at);
        }
        return sameButOne(task, at) && sameButOne(task, at + 4 * HALF);
    }

    private static boolean sameButOne(Snapshot task, int at) {
        int most = 0;
        for (int i = 0; i < HALF; i++) {
            int same = 0;
            for (int j = 0; j < HALF; j++) {
                same += task.int32(at + 4 * j) == task.int32(at + 4 * i) ? 1 : 0;
            }
            most = Math.max(most, same);
        }
        return most >= HALF - 1;
    }

    private static boolean isZero(Snapshot task, int at) {
        for (int i = 0; i < IDS_SIZE; i += 4) {
            if (task.int32(at + i) != 0) {
                return false;
            }
        }
        return true;
    }
}
