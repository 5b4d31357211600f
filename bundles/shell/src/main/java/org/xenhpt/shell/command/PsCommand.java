// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ServiceScope;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskField;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.Sessions;
import org.xenhpt.shell.command.TaskColumns.Row;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;
import org.xenhpt.shell.table.Table;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code hpt ps}. */
@Component(service = HptCommand.class, scope = ServiceScope.PROTOTYPE, property = "hpt.command=ps")
@Command(name = "ps", description = "Lists the processes of a guest.")
public final class PsCommand extends GuestCommand {
    @Option(names = {"-T", "--threads"}, description = "List every thread, with its TID, not only one task a process.")
    private boolean threads;

    @Option(names = {"-o", "--columns"}, paramLabel = "COLUMN,...",
            description = "Show these columns, in this order, also in JSON and CSV.")
    private List<String> columns = List.of();

    @Option(names = "--sort", paramLabel = "[-]COLUMN,...",
            description = "Sort by these columns; a minus sign before one turns its order around. Without it: the "
                    + "order of the kernel's list.")
    private List<String> sort = List.of();

    @Option(names = {"-p", "--pid"}, paramLabel = "PID", split = ",", splitSynopsisLabel = ",",
            description = "List only these processes, named with commas between them (with -T also: threads).")
    private List<Integer> pids = List.of();

    @Option(names = "--no-kernel", description = "Leave out kernel threads.")
    private boolean noKernel;

    @Mixin
    private RepeatOptions repeat;

    @Activate
    public PsCommand(@Reference Sessions sessions) {
        super(sessions);
    }

    @Spec
    void describe(CommandSpec spec) {
        spec.usageMessage().sectionMap().put(UsageMessageSpec.SECTION_KEY_FOOTER, help ->
                String.format("%nColumns for -o and --sort:%n%s", TaskColumns.help()));
    }

    @Override
    public Integer call() {
        List<String> picked = TaskColumns.split(columns);
        List<String> order = TaskColumns.split(sort);
        List<String> shown = !picked.isEmpty() ? picked : threads ? TaskColumns.SHOWN_THREADS : TaskColumns.SHOWN;
        List<String> data = !picked.isEmpty() ? picked : TaskColumns.DATA;
        List<Column<Row>> shownColumns = TaskColumns.named(shown);
        List<Column<Row>> dataColumns = TaskColumns.named(data);
        Comparator<Row> comparator = comparator(order);
        Set<TaskField> needs = EnumSet.of(TaskField.PID, TaskField.TGID, TaskField.FLAGS);
        needs.addAll(TaskColumns.needs(picked.isEmpty() ? TaskColumns.DATA : picked));
        needs.addAll(TaskColumns.needs(order.stream().map(PsCommand::withoutSign).toList()));
        return ask(repeat, (session, listing) -> {
            ProcessTable table = listing.reading(() -> session.processes(new TaskQuery(threads, needs)));
            double confidence = session.confidence();
            List<Row> rows = rows(table, comparator, confidence);
            // Who picks columns is told all the same when the others' contents are not certain.
            boolean asPicked = picked.contains(TaskColumns.CONFIDENCE) || !picked.isEmpty() && confidence == 1;
            print(new Table<>(shownColumns, asPicked ? dataColumns
                    : TaskColumns.with(dataColumns, TaskColumns.CONFIDENCE), rows), listing);
            int code = warn(table);
            return code == ExitCodes.OK && rows.isEmpty() ? ExitCodes.NOTHING_FOUND : code;
        });
    }

    private List<Row> rows(ProcessTable table, Comparator<Row> order, double confidence) {
        GuestClock clock = new GuestClock(table);
        List<Row> rows = new ArrayList<>(table.tasks().size());
        for (Task task : table.tasks()) {
            boolean wanted = pids.isEmpty() || pids.contains(task.tgid()) || threads && pids.contains(task.pid());
            if (wanted && !(noKernel && task.kernel())) {
                rows.add(new Row(task, clock, confidence));
            }
        }
        if (!sort.isEmpty()) {
            rows.sort(order);
        }
        return rows;
    }

    private static String withoutSign(String name) {
        return name.startsWith("-") || name.startsWith("+") ? name.substring(1) : name;
    }

    private static Comparator<Row> comparator(List<String> order) {
        Comparator<Row> all = (a, b) -> 0;
        for (String name : order) {
            Function<Row, Cell> cell = TaskColumns.named(List.of(withoutSign(name))).get(0).cell();
            Comparator<Row> one = (a, b) -> compare(cell.apply(a), cell.apply(b));
            all = all.thenComparing(name.startsWith("-") ? one.reversed() : one);
        }
        return all;
    }

    private static int compare(Cell a, Cell b) {
        if (a.kind() != b.kind()) {
            return a.kind().compareTo(b.kind());
        }
        return switch (a.kind()) {
            case UNKNOWN -> 0;
            case TEXT -> a.plain().compareTo(b.plain());
            case WHOLE -> Long.compare(((Cell.Whole) a).value(), ((Cell.Whole) b).value());
            case SECONDS -> Long.compare(((Cell.Seconds) a).nanos(), ((Cell.Seconds) b).nanos());
            case ADDRESS -> Long.compareUnsigned(((Cell.Address) a).value(), ((Cell.Address) b).value());
            case SHARE -> Double.compare(((Cell.Share) a).value(), ((Cell.Share) b).value());
            case FLAG -> Boolean.compare(((Cell.Flag) a).value(), ((Cell.Flag) b).value());
        };
    }
}
