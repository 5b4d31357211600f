// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ServiceScope;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.frontend.FrontEnd;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.Hpt;
import org.xenhpt.shell.Sessions;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;
import org.xenhpt.shell.table.Table;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code hpt guests}. */
@Component(service = HptCommand.class, scope = ServiceScope.PROTOTYPE, property = "hpt.command=guests")
@Command(name = "guests", description = "Lists the guests that the installed backends can see.",
        footer = {"", "Memory images are named by their path and are not listed."})
public final class GuestsCommand implements HptCommand, Callable<Integer> {
    private static final List<Column<GuestInfo>> COLUMNS = List.of(
            Column.left("guest", "GUEST", "how to name it in commands", row -> Cell.text(row.uri().toString())),
            Column.left("name", "NAME", "the name its owner gave it", row -> Cell.text(row.name())),
            Column.left("type", "TYPE", "the backend's word for its kind", row -> Cell.text(row.type())),
            Column.left("state", "STATE", "what it is doing", row -> Cell.text(row.state().name()
                    .toLowerCase(Locale.ROOT).replace('_', ' '))),
            Column.<GuestInfo>right("memory", "MEMORY", "RAM (in JSON and CSV: bytes)",
                    row -> Cell.whole(row.memoryBytes())).shownAs(row -> row.memoryBytes() < 0 ? "?"
                            : row.memoryBytes() / (1 << 20) + " MiB"),
            Column.right("vcpus", "VCPUS", "number of vCPUs", row -> Cell.whole(row.vcpus())));

    @ParentCommand
    private Hpt hpt;

    @Spec
    private CommandSpec spec;

    @Mixin
    private OutputOptions output;

    private final Sessions sessions;

    @Activate
    public GuestsCommand(@Reference Sessions sessions) {
        this.sessions = sessions;
    }

    @Override
    public Integer call() {
        FrontEnd frontEnd = sessions.frontEnd();
        FrontEnd.Listing listing = frontEnd.guests();
        output.write(Table.of(COLUMNS, listing.guests()), spec, hpt.console());
        listing.failures().forEach(failure -> hpt.console().say("warning: " + failure.getMessage()));
        if (listing.guests().isEmpty() && listing.failures().isEmpty()) {
            hpt.console().say("no guests are seen by the backends for " + String.join(", ", frontEnd.schemes()));
        }
        return listing.failures().isEmpty() ? ExitCodes.OK : ExitCodes.GAPS;
    }
}
