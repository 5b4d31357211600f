// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.xenhpt.api.process.Task;

/** Puts tasks under their parents. A guest may say anything of parents, circles included: each task is shown once. */
final class Forest {
    /**
     * @param depth  0 for a root
     * @param branch what ps axf draws before the name
     */
    record Node(Task task, int depth, String branch) {
    }

    private record Step(Task task, int depth, String inner, String branch) {
    }

    private Forest() {
    }

    /** The tasks in the order in which a tree shows them. */
    static List<Node> of(List<Task> tasks) {
        List<Task> sorted = new ArrayList<>(tasks);
        sorted.sort(Comparator.comparingInt(Task::pid));
        Map<Integer, List<Task>> children = new LinkedHashMap<>();
        Set<Integer> pids = new HashSet<>();
        sorted.forEach(task -> pids.add(task.pid()));
        List<Task> roots = new ArrayList<>();
        for (Task task : sorted) {
            if (task.ppid() != task.pid() && pids.contains(task.ppid())) {
                children.computeIfAbsent(task.ppid(), pid -> new ArrayList<>()).add(task);
            } else {
                roots.add(task);
            }
        }
        List<Node> nodes = new ArrayList<>(sorted.size());
        Set<Task> shown = new HashSet<>();
        roots.forEach(root -> grow(root, children, shown, nodes));
        // What is left hangs in circles, out of reach of every root.
        sorted.stream().filter(task -> !shown.contains(task)).toList().stream()
                .filter(task -> !shown.contains(task)).forEach(task -> grow(task, children, shown, nodes));
        return nodes;
    }

    /** Without recursion: a guest can chain as many parents as it has tasks. */
    private static void grow(Task root, Map<Integer, List<Task>> children, Set<Task> shown, List<Node> nodes) {
        Deque<Step> open = new ArrayDeque<>();
        open.push(new Step(root, 0, "", ""));
        while (!open.isEmpty()) {
            Step step = open.pop();
            if (!shown.add(step.task())) {
                continue;
            }
            nodes.add(new Node(step.task(), step.depth(), step.branch()));
            List<Task> below = children.getOrDefault(step.task().pid(), List.of()).stream()
                    .filter(child -> !shown.contains(child)).toList();
            for (int i = below.size() - 1; i >= 0; i--) {
                boolean last = i == below.size() - 1;
                String branch = step.depth() < DEEPEST_DRAWN ? step.inner() + " \\_ " : step.branch();
                String inner = step.depth() < DEEPEST_DRAWN ? step.inner() + (last ? "    " : " |  ") : step.inner();
                open.push(new Step(below.get(i), step.depth() + 1, inner, branch));
            }
        }
    }

    /** Deeper branches are drawn at this depth: the lines of a long chain would take memory in proportion to its square. */
    private static final int DEEPEST_DRAWN = 100;
}
