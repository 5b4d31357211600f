// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.util.ArrayList;
import java.util.List;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ServiceScope;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.process.CurrentTask;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.Sessions;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;
import org.xenhpt.shell.table.Table;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code hpt current}. */
@Component(service = HptCommand.class, scope = ServiceScope.PROTOTYPE, property = "hpt.command=current")
@Command(name = "current", description = "Shows the task on each vCPU now, and where its task_struct lies.",
        footer = {"", "GVA, GPA and MACHINE are the guest virtual, the guest physical and this process's own address of the "
                + "task_struct; MACHINE is - where memory is read by copy. An idle vCPU runs swapper/N, pid 0."})
public final class CurrentCommand extends GuestCommand {
    private static final List<Column<CurrentTask>> COLUMNS = List.of(
            Column.right("vcpu", "VCPU", "number of the vCPU, from 0", row -> new Cell.Whole(row.vcpu())),
            Column.right("pid", "PID", "the task's own id", row -> Cell.whole(row.task().pid())),
            Column.left("name", "NAME", "the task's name", row -> Cell.text(row.task().name())),
            Column.left("gva", "GVA", "guest virtual address of its task_struct",
                    row -> new Cell.Address(row.task().address())),
            Column.left("gpa", "GPA", "guest physical address of it", row -> new Cell.Address(row.gpa())),
            Column.<CurrentTask>left("machine", "MACHINE", "where that is mapped in this process", row ->
                    row.machineAddress() == 0 ? Cell.UNKNOWN : new Cell.Address(row.machineAddress()))
                    .shownAs(row -> row.machineAddress() == 0 ? "-" : "0x" + Long.toHexString(row.machineAddress())),
            Column.left("how", "HOW", "how it was found", row -> Cell.text(row.how())));
    private static final List<Column<CurrentTask>> DATA = List.of(COLUMNS.get(0), COLUMNS.get(1),
            Column.right("tgid", "TGID", "id of the task's process", row -> Cell.whole(row.task().tgid())),
            COLUMNS.get(2), COLUMNS.get(3), COLUMNS.get(4), COLUMNS.get(5), COLUMNS.get(6),
            Column.left("registers", "REGISTERS", "whether registers were read to find it",
                    row -> new Cell.Flag(row.registers())));

    @Option(names = "--registers", description = "Find the tasks by the vCPUs' registers. This costs the guest something: "
            + "a live guest's vCPUs may each be stopped for a moment while they are read. Without it memory alone is "
            + "read, and the guest notices nothing.")
    private boolean registers;

    @Mixin
    private RepeatOptions repeat;

    @Activate
    public CurrentCommand(@Reference Sessions sessions) {
        super(sessions);
    }

    @Override
    public Integer call() {
        return ask(repeat, (session, listing) -> {
            List<CurrentTask> tasks = listing.reading(() -> session.current(registers));
            List<Column<CurrentTask>> data = new ArrayList<>(DATA);
            data.add(Column.right("confidence", "CONFIDENCE", "how sure the layout is that all the rest rests on",
                    row -> new Cell.Share(session.confidence())));
            print(new Table<>(COLUMNS, data, tasks), listing);
            return tasks.isEmpty() ? ExitCodes.NOTHING_FOUND : ExitCodes.OK;
        });
    }
}
