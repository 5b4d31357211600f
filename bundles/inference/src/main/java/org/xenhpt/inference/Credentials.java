// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** {@code real_cred} and {@code cred}, and the user and group ids in what they lead to. */
final class Credentials {
    private static final String TASK = "task_struct";
    private static final String CRED = "cred";
    private static final int CRED_SIZE = 192;
    /** Their order since 2.6.29 (commit b6dff3ec5e11). */
    private static final List<String> IDS = List.of("uid", "gid", "suid", "sgid", "euid", "egid", "fsuid", "fsgid");
    private static final int IDS_SIZE = 4 * IDS.size();
    private static final int MOST_USERS = 1 << 20;

    private final Tasks tasks;
    private final Findings findings;
    private final KernelMemory memory;
    private final int pointer;

    Credentials(Tasks tasks, Findings findings) {
        this.tasks = tasks;
        this.findings = findings;
        this.memory = tasks.memory();
        this.pointer = memory.pointerSize();
    }

    void find() {
        List<Candidate> found =
                Candidate.search(0, tasks.window() - 2 * pointer, pointer, tasks.all(), (task, offset) -> {
            long cred = task.pointer(offset);
            return cred == task.pointer(offset + pointer) && memory.leadsSomewhere(cred) && isUsed(cred);
        });
        // Those of init_task are part of the image.
        found.removeIf(cred -> !memory.inImage(tasks.init().pointer(cred.offset()))
                || tasks.init().pointer(cred.offset()) != tasks.init().pointer(cred.offset() + pointer)
                || tasks.isTask(tasks.init().pointer(cred.offset())));
        List<Candidate> withIds = new ArrayList<>();
        Map<Integer, Candidate> ids = new LinkedHashMap<>();
        for (Candidate cred : found) {
            ids(cred.offset()).ifPresent(at -> {
                withIds.add(cred);
                ids.put(cred.offset(), at);
            });
        }
        Optional<Candidate> real = Candidate.only(withIds);
        if (real.isEmpty()) {
            findings.missing("real_cred: " + found.size() + " pairs of members lead to the same, and "
                    + withIds.size() + " of these to user ids");
            return;
        }
        String by = "twice in a row the same, init_task's in the image, leading to a counter and ids";
        findings.add(TASK, "real_cred", real.get(), pointer, "struct cred *", by);
        findings.add(TASK, "cred",
                new Candidate(real.get().offset() + pointer, real.get().agreed(), real.get().asked()),
                pointer, "struct cred *", by);
        Candidate first = ids.get(real.get().offset());
        for (int i = 0; i < IDS.size(); i++) {
            boolean user = i % 2 == 0;
            findings.add(CRED, IDS.get(i), new Candidate(first.offset() + 4 * i, first.agreed(), first.asked()), 4,
                    user ? "kuid_t" : "kgid_t", "four times in a row a user and a group, 0 for kernel threads");
        }
    }

    private boolean isUsed(long cred) {
        int usage = memory.int32(cred);
        return usage > 0 && usage < MOST_USERS;
    }

    /**
     * Where the ids begin. A user other than root shows it; where all are root, the capabilities do, which follow:
     * after securebits and a set that is empty come sets that are full for kernel threads.
     */
    private Optional<Candidate> ids(int realCred) {
        Map<Long, Snapshot> creds = new LinkedHashMap<>();
        List<Snapshot> users = new ArrayList<>();
        List<Snapshot> roots = new ArrayList<>();
        for (Snapshot task : tasks.all()) {
            Snapshot cred = memory.snapshot(task.pointer(realCred), CRED_SIZE);
            if (cred.length() == CRED_SIZE && creds.put(cred.gva(), cred) == null) {
                (tasks.isKernelThread(task) ? roots : users).add(cred);
            }
        }
        List<Snapshot> all = new ArrayList<>(roots);
        all.addAll(users);
        Set<Snapshot> kernel = new HashSet<>(roots);
        List<Candidate> found = new ArrayList<>();
        int most = 0;
        for (int at = 4; at + IDS_SIZE + 40 <= CRED_SIZE; at += 4) {
            int offset = at;
            Candidate fits = Candidate.ask(at, all, cred -> isIds(cred, offset)
                    && (!kernel.contains(cred) || isZero(cred, offset)));
            int others = (int) users.stream().filter(cred -> isIds(cred, offset) && cred.int32(offset) != 0).count();
            boolean capabilities = 2 * roots.stream().filter(cred ->
                    isFollowedByCapabilities(cred, offset + IDS_SIZE)).count()
                    > roots.size();
            if (fits.convinces() && capabilities) {
                if (others > most) {
                    found.clear();
                    most = others;
                }
                if (others == most) {
                    found.add(fits);
                }
            }
        }
        found.sort((a, b) -> b.agreed() - a.agreed());
        return found.stream().findFirst();
    }

    private static boolean isIds(Snapshot cred, int at) {
        int user = cred.int32(at);
        int group = cred.int32(at + 4);
        for (int i = 8; i < IDS_SIZE; i += 8) {
            if (cred.int32(at + i) != user || cred.int32(at + i + 4) != group) {
                return false;
            }
        }
        return true;
    }

    private static boolean isZero(Snapshot cred, int at) {
        for (int i = 0; i < IDS_SIZE; i += 4) {
            if (cred.int32(at + i) != 0) {
                return false;
            }
        }
        return true;
    }

    /**
     * securebits, cap_inheritable, cap_permitted, cap_effective: 0, empty, full, full; with padding before or without.
     */
    private boolean isFollowedByCapabilities(Snapshot cred, int securebits) {
        for (int permitted = securebits + 12; permitted <= securebits + 16; permitted += 4) {
            // Sets of a single u64, since 6.3 (commit f122a08b197d), are aligned like one.
            boolean padded = permitted > securebits + 12;
            if (padded && (pointer == 4 || (permitted & 7) != 0)) {
                continue;
            }
            long full = cred.int64(permitted);
            if (Capabilities.isFull(full) && Capabilities.isEffective(cred.int64(permitted + 8), full)
                    && cred.int64(permitted - 8) == 0 && cred.int32(securebits) == 0) {
                return true;
            }
        }
        return false;
    }
}
