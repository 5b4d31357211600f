// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.guest;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * All tasks of a guest, by its own {@code /proc}.
 *
 * @param monotonicNanos the guest's clock when the list was begun
 * @param ticksPerSecond unit of the tasks' times
 * @param tasks          processes and threads
 */
public record TaskList(long monotonicNanos, long ticksPerSecond, List<GuestTask> tasks) {
    public TaskList {
        tasks = List.copyOf(tasks);
    }

    /** Parses what the guest printed from LIST-BEGIN to LIST-END. */
    public static TaskList parse(List<String> lines) {
        String[] begin = lines.get(0).split(" ");
        String[] end = lines.get(lines.size() - 1).split(" ");
        if (!begin[0].equals("LIST-BEGIN") || !end[0].equals("LIST-END") || !begin[1].equals(end[1])) {
            throw new IllegalArgumentException("not a list: " + lines);
        }
        List<GuestTask> tasks = new ArrayList<>();
        for (String line : lines.subList(1, lines.size() - 1)) {
            tasks.add(GuestTask.parse(line));
        }
        if (tasks.size() != Integer.parseInt(end[2])) {
            throw new IllegalArgumentException("the guest sent " + end[2] + " tasks, of which arrived " + tasks);
        }
        return new TaskList(Long.parseLong(begin[2]), Long.parseLong(begin[3]), tasks);
    }

    /** The tasks by their ids. */
    public Map<Integer, GuestTask> byTid() {
        return tasks.stream().collect(Collectors.toMap(GuestTask::tid, Function.identity()));
    }

    /** The tasks by their ids: these and, of those that had ended by then, an earlier list's. */
    public Map<Integer, GuestTask> byTidSince(TaskList before) {
        Map<Integer, GuestTask> all = new HashMap<>(before.byTid());
        all.putAll(byTid());
        return all;
    }

    /** The one task of that name. */
    public GuestTask named(String name) {
        List<GuestTask> found = tasks.stream().filter(t -> t.name().equals(name)).toList();
        if (found.size() != 1) {
            throw new IllegalStateException(found.size() + " tasks named " + name + " in " + tasks);
        }
        return found.get(0);
    }
}
