// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskField;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;

/** The columns that a list of tasks can have. */
final class TaskColumns {
    /** A task of a process table, with the clock of its guest and its place in a tree. */
    record Row(Task task, GuestClock clock, double confidence, int depth, String branch) {
        Row(Task task, GuestClock clock, double confidence) {
            this(task, clock, confidence, 0, "");
        }
    }

    /** A column, what ps also calls it, and what must be read of a task to fill it. */
    private record Known(Column<Row> column, Set<TaskField> needs, List<String> aliases) {
    }

    static final String CONFIDENCE = "confidence";

    private static final Map<String, Known> KNOWN = new LinkedHashMap<>();

    static {
        // As ps -T has it, text shows the process under PID and the thread under TID. Programs get the kernel's own words:
        // pid is the task's id, tgid its process's.
        add(Column.<Row>right("pid", "PID", "process id (in JSON and CSV: the task's own id)",
                row -> Cell.whole(row.task().pid())).shownAs(row -> Cell.whole(row.task().tgid()).plain()),
                EnumSet.of(TaskField.PID, TaskField.TGID));
        add(Column.right("tid", "TID", "thread id: the task's own id", row -> Cell.whole(row.task().pid())),
                EnumSet.of(TaskField.PID), "lwp", "spid");
        add(Column.right("tgid", "TGID", "id of the task's process", row -> Cell.whole(row.task().tgid())),
                EnumSet.of(TaskField.TGID));
        add(Column.right("ppid", "PPID", "process id of the parent", row -> Cell.whole(row.task().ppid())),
                EnumSet.of(TaskField.PPID));
        add(Column.left("state", "S", "state: R S D T t Z X I P K W", row -> row.task().state() == '?' ? Cell.UNKNOWN
                : Cell.text(String.valueOf(row.task().state()))), EnumSet.of(TaskField.STATE), "s", "stat");
        add(Column.right("uid", "UID", "effective user id, a number: names are known to the guest only",
                row -> Cell.whole(row.task().uid())), EnumSet.of(TaskField.UID), "euid");
        add(Column.right("gid", "GID", "effective group id", row -> Cell.whole(row.task().gid())),
                EnumSet.of(TaskField.GID), "egid");
        add(Column.<Row>left("name", "NAME", "name; that of a kernel thread in brackets",
                // A task may well have an empty name: that is known, not unknown.
                row -> new Cell.Text(row.task().name())).shownAs(TaskColumns::shownName),
                EnumSet.of(TaskField.NAME, TaskField.FLAGS, TaskField.STATE), "comm", "cmd", "ucmd", "ucomm");
        add(Column.<Row>right("start", "START", "when it started (in JSON and CSV: seconds after the guest's boot)",
                row -> Cell.seconds(row.task().startNanos())).shownAs(row -> row.clock().shortStart(row.task())),
                EnumSet.of(TaskField.START), "stime");
        add(Column.left("startTime", "STARTED", "when it started by the guest's clock, ISO 8601 in UTC",
                row -> row.clock().isoStart(row.task())), EnumSet.of(TaskField.START), "lstart");
        add(Column.<Row>right("cpu", "TIME", "CPU time used (in JSON and CSV: seconds)",
                row -> Cell.seconds(row.task().cpuNanos())).shownAs(row -> GuestClock.cpuTime(row.task().cpuNanos())),
                EnumSet.of(TaskField.CPU_TIME), "time", "cputime");
        add(Column.left("kernel", "KERNEL", "whether it is a kernel thread", row -> new Cell.Flag(row.task().kernel())),
                EnumSet.of(TaskField.FLAGS));
        add(Column.right(CONFIDENCE, "CONFIDENCE", "how sure the layout is that all the rest rests on, from 0 to 1",
                row -> new Cell.Share(row.confidence())), EnumSet.noneOf(TaskField.class));
        add(Column.right("address", "ADDRESS", "GVA of its task_struct", row -> new Cell.Address(row.task().address())),
                EnumSet.noneOf(TaskField.class), "addr");
    }

    /** What ps shows when it is not told which columns. */
    static final List<String> SHOWN = List.of("uid", "pid", "ppid", "state", "start", "cpu", "name");
    /** The same with threads. */
    static final List<String> SHOWN_THREADS = List.of("uid", "pid", "ppid", "tid", "state", "start", "cpu", "name");
    /** What programs get when they do not say which columns. */
    static final List<String> DATA = List.of("pid", "tid", "tgid", "ppid", "state", "uid", "gid", "name", "start",
            "startTime", "cpu", "kernel", "address");

    private TaskColumns() {
    }

    private static void add(Column<Row> column, Set<TaskField> needs, String... aliases) {
        KNOWN.put(column.key(), new Known(column, needs, List.of(aliases)));
    }

    private static String shownName(Row row) {
        Task task = row.task();
        return row.branch() + (task.kernel() ? "[" + task.name() + "]" : task.name()) + (task.state() == 'Z' ? " <defunct>" : "");
    }

    /** Columns by what people call them, in the order named. */
    static List<Column<Row>> named(List<String> names) {
        return names.stream().map(name -> known(name).column()).toList();
    }

    /** These columns, and the one of that name after them. */
    static List<Column<Row>> with(List<Column<Row>> columns, String name) {
        List<Column<Row>> all = new ArrayList<>(columns);
        all.add(known(name).column());
        return all;
    }

    /** What must be read of each task to fill these columns. */
    static Set<TaskField> needs(List<String> names) {
        Set<TaskField> needs = EnumSet.noneOf(TaskField.class);
        names.forEach(name -> needs.addAll(known(name).needs()));
        return needs;
    }

    private static Known known(String name) {
        String wanted = name.toLowerCase(Locale.ROOT);
        for (Known known : KNOWN.values()) {
            if (known.column().key().toLowerCase(Locale.ROOT).equals(wanted) || known.aliases().contains(wanted)) {
                return known;
            }
        }
        throw new HptException(Step.COMMAND, Reason.USAGE, name, "no such column")
                .next("the columns are " + String.join(", ", KNOWN.keySet()));
    }

    /** Splits {@code pid,ppid name}. */
    static List<String> split(List<String> options) {
        List<String> names = new ArrayList<>();
        options.forEach(option -> Arrays.stream(option.split("[, ]+")).filter(name -> !name.isEmpty())
                .forEach(names::add));
        return names;
    }

    /** Lines of help on all columns. */
    static String help() {
        return KNOWN.values().stream().map(known -> String.format("  %-10s %s%s%n", known.column().key(),
                known.column().about(), known.aliases().isEmpty() ? ""
                        : " (also: " + String.join(", ", known.aliases()) + ")")).collect(Collectors.joining());
    }
}
