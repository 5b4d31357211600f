// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.xenhpt.itests.guest.GuestTask;
import org.xenhpt.itests.guest.TaskList;

/**
 * Compares an answer of hpt with what the guest said of itself before and after.
 *
 * <p>A task that did not run in between, by the kernel's count of its context switches, cannot have changed: hpt must
 * show it exactly. One that did run may have been in any state when hpt looked, and a worker of the kernel may have
 * worked on anything; but it must be there, and its ids are what they were. A task that only one of the guest's lists
 * has began or ended meanwhile: it may be there or not. Nothing else may be there.
 */
public final class Agreement {
    private final TaskList before;
    private final TaskList after;
    private final boolean threads;

    /** @param threads whether hpt was asked for all threads, not only for one task a process */
    public Agreement(TaskList before, TaskList after, boolean threads) {
        this.before = before;
        this.after = after;
        this.threads = threads;
    }

    /** A task as ps knows it. */
    private record Shown(int pid, int tgid, int ppid, String state, long uid, String name, long startTicks) {
        static Shown of(GuestTask task) {
            return new Shown(task.tid(), task.pid(), task.ppid(), "" + task.state(), task.euid(), task.name(),
                    task.startTicks());
        }

        static Shown of(JsonNode row, long ticksPerSecond) {
            // The guest cuts its ticks off, so hpt's nanoseconds are to be cut off the same way.
            long ticks = row.get("start").decimalValue().movePointRight(9).longValueExact()
                    / (1_000_000_000 / ticksPerSecond);
            return new Shown(row.get("pid").intValue(), row.get("tgid").intValue(), row.get("ppid").intValue(),
                    row.get("state").asText(), row.get("uid").longValue(), row.get("name").asText(), ticks);
        }

        /** What stays the same for as long as a task lives, as long as it does not rename itself. */
        Shown identity() {
            return new Shown(pid, tgid, ppid, "", uid, name.startsWith("kworker/") ? "kworker/" : name, startTicks);
        }
    }

    /** Fails unless the answer agrees. */
    public void check(List<JsonNode> answer) {
        check(answer, task -> false);
    }

    /** Fails unless the answer agrees; tasks of these names may come and go as they like. */
    public void check(List<JsonNode> answer, Predicate<String> brief) {
        Map<Integer, GuestTask> first = listed(before);
        Map<Integer, GuestTask> second = listed(after);
        assertThat(answer).extracting(row -> row.get("pid").intValue()).as("pids").doesNotHaveDuplicates();
        Map<Integer, Shown> shown = answer.stream().map(row -> Shown.of(row, after.ticksPerSecond()))
                .collect(Collectors.toMap(Shown::pid, Function.identity()));

        Set<Integer> steady = first.values().stream()
                .filter(task -> task.equals(second.get(task.tid())) && task.state() != 'R').map(GuestTask::tid)
                .collect(Collectors.toCollection(TreeSet::new));
        // A comparison of nothing would agree with everything.
        assertThat(steady).as("tasks that did not run, of " + before).hasSizeGreaterThan(20);
        assertThat(only(shown, steady)).as("tasks that did not run").containsExactlyInAnyOrderElementsOf(
                steady.stream().map(tid -> Shown.of(first.get(tid))).toList());

        Set<Integer> ran = first.values().stream().filter(task -> !steady.contains(task.tid()))
                .filter(task -> lived(task, second.get(task.tid()))).map(GuestTask::tid)
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(only(shown, ran)).extracting(Shown::identity).as("tasks that ran meanwhile")
                .containsExactlyInAnyOrderElementsOf(
                        ran.stream().map(tid -> Shown.of(first.get(tid)).identity()).toList());

        Set<Integer> listed = new TreeSet<>(first.keySet());
        listed.addAll(second.keySet());
        assertThat(shown.values()).filteredOn(task -> !listed.contains(task.pid()) && !brief.test(task.name()))
                .as("tasks that the guest does not have").isEmpty();
    }

    /** Whether both are the same task, which did not rename itself or change its user. */
    private static boolean lived(GuestTask first, GuestTask second) {
        return second != null && Shown.of(first).identity().equals(Shown.of(second).identity());
    }

    private static List<Shown> only(Map<Integer, Shown> shown, Set<Integer> tids) {
        return shown.values().stream().filter(task -> tids.contains(task.pid())).toList();
    }

    private Map<Integer, GuestTask> listed(TaskList list) {
        return list.tasks().stream().filter(task -> threads || task.isProcess())
                .collect(Collectors.toMap(GuestTask::tid, Function.identity()));
    }
}
