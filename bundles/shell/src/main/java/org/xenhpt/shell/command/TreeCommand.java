// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.util.ArrayList;
import java.util.List;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ServiceScope;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.shell.Sessions;
import org.xenhpt.shell.command.TaskColumns.Row;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;
import org.xenhpt.shell.table.Table;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code hpt tree}. */
@Component(service = HptCommand.class, scope = ServiceScope.PROTOTYPE, property = "hpt.command=tree")
@Command(name = "tree", description = "Shows the processes of a guest as a tree, as ps axf draws it.",
        footer = {"", "A process whose parent is not in the list, or is its own descendant, is shown as a root."})
public final class TreeCommand extends GuestCommand {
    private static final List<String> COLUMNS = List.of("pid", "state", "cpu", "name");

    @Option(names = "--no-kernel", description = "Leave out kernel threads.")
    private boolean noKernel;

    @Activate
    public TreeCommand(@Reference Sessions sessions) {
        super(sessions);
    }

    @Override
    public Integer call() {
        return ask(this::draw);
    }

    private int draw(Session session) {
        ProcessTable table = session.processes(TaskQuery.PROCESSES);
        GuestClock clock = new GuestClock(table);
        List<Row> rows = new ArrayList<>();
        for (Forest.Node node : Forest.of(table.tasks().stream().filter(task -> !(noKernel && task.kernel())).toList())) {
            rows.add(new Row(node.task(), clock, session.confidence(), node.depth(), node.branch()));
        }
        List<Column<Row>> data = new ArrayList<>(TaskColumns.named(TaskColumns.DATA));
        data.add(Column.right("depth", "DEPTH", "how many of its ancestors are shown above it",
                row -> new Cell.Whole(row.depth())));
        data = TaskColumns.with(data, TaskColumns.CONFIDENCE);
        print(new Table<>(TaskColumns.named(COLUMNS), data, rows));
        return warn(table);
    }
}
