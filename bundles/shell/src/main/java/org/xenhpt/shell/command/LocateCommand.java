// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ServiceScope;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.process.Location;
import org.xenhpt.api.process.LocationStep;
import org.xenhpt.api.process.Task;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.Sessions;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;
import org.xenhpt.shell.table.SafeText;
import org.xenhpt.shell.table.Table;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code hpt locate}. */
@Component(service = HptCommand.class, scope = ServiceScope.PROTOTYPE, property = "hpt.command=locate")
@Command(name = "locate", description = "Shows the way from a vCPU's stack pointer to its task, and from the task back to its "
        + "stack.",
        footer = {"", "Up to Linux 4.8: rsp, masked to thread_info at the bottom of the stack; its task_struct; and that "
                + "one's stack, which is thread_info again. Where rsp is on no task's stack (user mode, an interrupt), the "
                + "way begins at sp0 in the TSS, or else at per-CPU data. From 4.9 on the stack holds no pointer: the way "
                + "begins at the per-CPU current task, whose stack holds rsp.",
            "", "GVA, GPA and MACHINE are the guest virtual, the guest physical and this process's own address of each "
                + "step; GPA is - for a user's address, MACHINE is - where memory is read by copy. JSON and CSV have a row "
                + "a step.",
            "", "This reads the registers of one vCPU, and so stops it for a moment: on Xen from 4.12 on that vCPU alone, for "
                + "one hypercall; on Xen up to 4.11 the whole guest for as long; QEMU stops each vCPU in turn. A live guest "
                + "runs on while its memory is read: what does not agree is read again, ten times at the most. Images "
                + "without registers are read from memory alone.",
            "", "Exit code 12: the directions do not agree. Exit code 14: only one of them could be gone."})
public final class LocateCommand extends GuestCommand {
    private record Row(Location location, LocationStep step) {
    }

    private static final List<Column<Row>> SHOWN = List.of(
            Column.left("step", "STEP", "what lies there", row -> Cell.text(row.step().name())),
            Column.left("gva", "GVA", "guest virtual address of it", row -> new Cell.Address(row.step().gva())),
            Column.<Row>left("gpa", "GPA", "guest physical address of it", row -> row.step().gpa() == Task.UNKNOWN
                    ? Cell.UNKNOWN : new Cell.Address(row.step().gpa())).shownAs(row -> address(row.step().gpa(),
                    Task.UNKNOWN)),
            Column.<Row>left("machine", "MACHINE", "where that is mapped in this process", row ->
                    row.step().machineAddress() == 0 ? Cell.UNKNOWN : new Cell.Address(row.step().machineAddress()))
                    .shownAs(row -> address(row.step().machineAddress(), 0)),
            Column.left("how", "HOW", "how its address was come by", row -> Cell.text(row.step().how())));
    private static final List<Column<Row>> DATA = List.of(
            Column.right("vcpu", "VCPU", "number of the vCPU, from 0", row -> new Cell.Whole(row.location().vcpu())),
            Column.left("mode", "MODE", "what the vCPU was doing", row -> Cell.text(mode(row.location()))),
            Column.right("pid", "PID", "the task's own id", row -> Cell.whole(row.location().task().pid())),
            Column.right("tgid", "TGID", "id of the task's process", row -> Cell.whole(row.location().task().tgid())),
            Column.left("name", "NAME", "the task's name", row -> Cell.text(row.location().task().name())),
            SHOWN.get(0), SHOWN.get(1), SHOWN.get(2), SHOWN.get(3), SHOWN.get(4),
            Column.left("agrees", "AGREES", "whether both directions agree", row -> agrees(row.location())),
            Column.left("verdict", "VERDICT", "the same in words", row -> Cell.text(row.location().verdict())),
            Column.left("registers", "REGISTERS", "whether registers were read",
                    row -> new Cell.Flag(row.location().registers())));

    @Option(names = "--vcpu", paramLabel = "N", defaultValue = "0", description = "Which vCPU, counted from 0; the first "
            + "without this.")
    private int vcpu;

    @Activate
    public LocateCommand(@Reference Sessions sessions) {
        super(sessions);
    }

    private static String address(long address, long none) {
        return address == none ? "-" : "0x" + Long.toHexString(address);
    }

    private static String mode(Location location) {
        return location.mode().name().toLowerCase(Locale.ROOT);
    }

    private static Cell agrees(Location location) {
        return location.agreement() == Location.Agreement.ONE_WAY ? Cell.UNKNOWN
                : new Cell.Flag(location.agreement() == Location.Agreement.AGREE);
    }

    @Override
    public Integer call() {
        return ask(session -> {
            Location location = session.locate(vcpu);
            if (isText()) {
                say("vCPU " + location.vcpu() + (location.mode() == Location.Mode.UNKNOWN ? "" : ", in " + mode(location)
                        + " mode") + ": pid " + location.task().pid() + " " + location.task().name());
            }
            List<Column<Row>> data = new ArrayList<>(DATA);
            data.add(Column.right("confidence", "CONFIDENCE", "how sure the layout is that all the rest rests on",
                    row -> new Cell.Share(session.confidence())));
            print(new Table<>(SHOWN, data, location.steps().stream().map(step -> new Row(location, step)).toList()));
            if (isText()) {
                say(location.verdict());
            }
            return switch (location.agreement()) {
                case AGREE -> ExitCodes.OK;
                case DISAGREE -> warned(Reason.INCONSISTENT.exitCode(), "the two directions do not agree");
                case ONE_WAY -> warned(ExitCodes.GAPS, "only one direction could be gone");
            };
        });
    }

    private int warned(int code, String what) {
        console().say("warning: " + what);
        return code;
    }

    private void say(String text) {
        spec().commandLine().getOut().println(SafeText.of(text));
    }
}
