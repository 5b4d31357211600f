// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.util.List;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ServiceScope;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.Sessions;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;
import org.xenhpt.shell.table.Table;
import picocli.CommandLine.Command;

/** {@code hpt identify}. */
@Component(service = HptCommand.class, scope = ServiceScope.PROTOTYPE, property = "hpt.command=identify")
@Command(name = "identify", description = "Tells which kernel a guest runs, where it lies in memory, and how that was found.")
public final class IdentifyCommand extends GuestCommand {
    private static final List<Column<Finding>> COLUMNS = List.of(
            Column.left("what", "WHAT", "what was found out", finding -> Cell.text(finding.what())),
            Column.left("value", "VALUE", "the finding", finding -> Cell.text(finding.value())),
            Column.left("how", "HOW", "where it was found and what confirmed it", finding -> Cell.text(finding.how())));
    /** The banner is long: what comes after a value is not aligned, or it would be far off for all. */
    private static final List<Column<Finding>> SHOWN = List.of(COLUMNS.get(0),
            Column.<Finding>left("value", "VALUE (HOW IT WAS FOUND)", "", finding -> Cell.text(finding.value()))
                    .shownAs(finding -> finding.value() + (finding.how().isEmpty() ? "" : "  (" + finding.how() + ")")));

    @Activate
    public IdentifyCommand(@Reference Sessions sessions) {
        super(sessions);
    }

    @Override
    public Integer call() {
        return ask(session -> {
            print(new Table<>(SHOWN, COLUMNS, session.findings()));
            // The kernel is identified all the same, and that was the question.
            session.problem().ifPresent(problem -> console().say("warning: " + problem.getMessage()));
            return ExitCodes.OK;
        });
    }
}
