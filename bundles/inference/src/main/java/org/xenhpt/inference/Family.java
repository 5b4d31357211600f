// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * {@code real_parent}, {@code parent}, {@code group_leader}, {@code children} and {@code sibling}; and who is a kernel
 * thread.
 */
final class Family {
    private static final String TASK = "task_struct";
    private static final String TASK_POINTER = "struct task_struct *";
    private static final String LIST = "struct list_head";
    /** Its name since 2.6.22 (commit 73c279927f89). */
    private static final String KTHREADD = "kthreadd";
    private static final int DEEPEST = 64;

    private final Tasks tasks;
    private final Findings findings;
    private final int pointer;

    Family(Tasks tasks, Findings findings) {
        this.tasks = tasks;
        this.findings = findings;
        this.pointer = tasks.memory().pointerSize();
    }

    void find() {
        leader();
        List<Candidate> parents = Candidate.search(0, tasks.window() - pointer, pointer, tasks.processes(),
                (task, offset) -> task.pointer(offset) != task.gva() && isTask(task.pointer(offset)));
        long init = tasks.init().gva();
        Snapshot first = tasks.processes().get(0);
        Optional<Snapshot> kthreadd =
                tasks.processes().stream().limit(8).filter(t -> tasks.name(t).equals(KTHREADD)).findFirst();
        parents.removeIf(p -> tasks.init().pointer(p.offset()) != init || first.pointer(p.offset()) != init
                || kthreadd.isPresent() && kthreadd.get().pointer(p.offset()) != init);
        parents.sort((a, b) -> a.offset() - b.offset());
        // A tracer is the parent of whom it traces, not the real one; the kernel's source has had real_parent before
        // parent since 2.6.0.
        if (parents.size() == 1 && tasks.memory().before(2, 6, 29)) {
            // Red Hat's utrace did with one, called either: a tracer was none of the task's parents.
            findings.add(TASK, "real_parent", parents.get(0), pointer, TASK_POINTER,
                    "leads to a task; init's to init_task");
            kthreadd.ifPresent(k -> kernelThreads(k, parents.get(0).offset()));
            children(parents.get(0).offset());
            return;
        }
        if (parents.size() != 2 || parents.get(1).offset() - parents.get(0).offset() != pointer) {
            findings.missing("real_parent: " + parents.size() + " members lead to a task that could be the parent");
            return;
        }
        int realParent = parents.get(0).offset();
        kthreadd.ifPresent(k -> kernelThreads(k, realParent));
        String by = "leads to a task; init's and kthreadd's to init_task";
        findings.add(TASK, "real_parent", parents.get(0), pointer, TASK_POINTER, by);
        findings.add(TASK, "parent", parents.get(1), pointer, TASK_POINTER, by);
        children(realParent);
    }

    private boolean isTask(long gva) {
        if (tasks.isTask(gva)) {
            return true;
        }
        // The parent may be a thread that is not the first of its process.
        var tgid = findings.offset(TASK, "tgid");
        return tgid.isPresent() && tasks.memory().leadsSomewhere(gva)
                && tasks.memory().int32(gva + tgid.getAsInt()) > 0
                && tasks.memory().snapshot(gva + tasks.nameOffset(), Snapshot.NAME_LENGTH).isPlainName(0);
    }

    private void leader() {
        List<Candidate> leaders = Candidate.search(0, tasks.window() - pointer, pointer, tasks.processes(),
                (task, offset) -> task.pointer(offset) == task.gva());
        leaders.removeIf(l -> tasks.init().pointer(l.offset()) != tasks.init().gva());
        Candidate.only(leaders).ifPresentOrElse(l -> findings.add(TASK, "group_leader", l, pointer, TASK_POINTER,
                "leads to the task itself"), () ->
                findings.missing("group_leader: " + leaders.size() + " could be it"));
    }

    private void kernelThreads(Snapshot kthreadd, int realParent) {
        Set<Long> kernel = new HashSet<>();
        kernel.add(tasks.init().gva());
        kernel.add(kthreadd.gva());
        for (Snapshot task : tasks.processes()) {
            long at = task.gva();
            for (int depth = 0; depth < DEEPEST && at != tasks.init().gva(); depth++) {
                if (at == kthreadd.gva()) {
                    kernel.add(task.gva());
                    break;
                }
                at = tasks.memory().pointer(at + realParent);
            }
        }
        tasks.kernelThreads(kernel);
    }

    /** {@code children} is the head of a list through {@code sibling} of those whose real parent the task is. */
    private void children(int realParent) {
        Set<Long> parents = tasks.processes().stream().map(t -> t.pointer(realParent)).collect(Collectors.toSet());
        List<Snapshot> all = new ArrayList<>(tasks.processes());
        all.add(tasks.init());
        List<Snapshot> withChildren = all.stream().filter(t -> parents.contains(t.gva())).toList();
        List<Snapshot> without = tasks.count() == tasks.processes().size()
                ? all.stream().filter(t -> !parents.contains(t.gva())).toList() : List.of();
        List<Candidate> found = new ArrayList<>();
        int sibling = -1;
        Snapshot first = withChildren.get(0);
        for (int head = 0; head < tasks.window() - 2 * pointer; head += pointer) {
            long next = first.pointer(head);
            Optional<Snapshot> child = next == first.gva() + head ? Optional.empty() : tasks.around(next);
            if (child.isEmpty() || child.get().pointer(realParent) != first.gva()) {
                continue;
            }
            int listHead = head;
            int listNode = (int) tasks.memory().distance(child.get().gva(), next);
            Candidate parent = Candidate.ask(head, withChildren, t -> leadsToChild(t, listHead, listNode, realParent));
            Candidate childless = Candidate.ask(head, without, t -> t.pointer(listHead) == t.gva() + listHead);
            Candidate both = new Candidate(head, parent.agreed() + childless.agreed(), parent.asked()
                    + childless.asked());
            if (both.convinces() && parent.convinces()) {
                found.add(both);
                sibling = listNode;
            }
        }
        if (found.size() == 1) {
            findings.add(TASK, "children", found.get(0), 2 * pointer, LIST,
                    "leads to a task whose real_parent it is, or to itself for a task without children");
            findings.add(TASK, "sibling", new Candidate(sibling, found.get(0).agreed(), found.get(0).asked()),
                    2 * pointer, LIST, "is on the parent's list of children");
        } else {
            findings.missing("children and sibling: " + found.size() + " pairs of lists could be they");
        }
    }

    private boolean leadsToChild(Snapshot parent, int head, int node, int realParent) {
        long next = parent.pointer(head);
        return tasks.memory().leadsSomewhere(next)
                && tasks.memory().pointer(next + pointer) == parent.gva() + head
                && tasks.memory().pointer(next - node + realParent) == parent.gva();
    }
}
