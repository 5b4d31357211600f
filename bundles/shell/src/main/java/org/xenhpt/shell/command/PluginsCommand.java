// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ReferenceCardinality;
import org.osgi.service.component.annotations.ServiceScope;
import org.osgi.service.component.runtime.ServiceComponentRuntime;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.Hpt;
import org.xenhpt.shell.plugins.Plugin;
import org.xenhpt.shell.plugins.Plugins;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;
import org.xenhpt.shell.table.Table;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code hpt plugins}. */
@Component(service = HptCommand.class, scope = ServiceScope.PROTOTYPE, property = "hpt.command=plugins")
@Command(name = "plugins", description = "Lists the installed bundles: what each gives, and what it lacks.",
        footer = {"", "Without --all, bundles that only hold code for others are left out, unless they lack something. "
                + "Bundles of the deploy folder are there in a shell of hpt, not in a single command."})
public final class PluginsCommand implements HptCommand, Callable<Integer> {
    private static final Column<Plugin> FILE = Column.left("file", "FILE", "the file it comes from",
            row -> Cell.text(row.file()));
    private static final List<Column<Plugin>> COLUMNS = List.of(
            Column.left("name", "NAME", "symbolic name", row -> Cell.text(row.name())),
            Column.left("version", "VERSION", "version", row -> Cell.text(row.version())),
            Column.left("state", "STATE", "active, starting, stopped or unresolved", row -> Cell.text(row.state())),
            Column.left("gives", "GIVES", "what it offers", row -> new Cell.Text(String.join(", ", row.gives()))),
            Column.left("problems", "LACKS", "what is wrong with it",
                    row -> new Cell.Text(String.join("; ", row.problems()))));
    private static final List<Column<Plugin>> DATA = List.of(COLUMNS.get(0), COLUMNS.get(1), COLUMNS.get(2),
            COLUMNS.get(3), COLUMNS.get(4), FILE);

    @ParentCommand
    private Hpt hpt;

    @Spec
    private CommandSpec spec;

    @Mixin
    private OutputOptions output;

    @Option(names = {"-a", "--all"}, description = "Also the bundles that only hold code for others.")
    private boolean all;

    private final BundleContext context;
    private final Optional<ServiceComponentRuntime> components;

    @Activate
    public PluginsCommand(BundleContext context,
            @Reference(cardinality = ReferenceCardinality.OPTIONAL) ServiceComponentRuntime components) {
        this.context = context;
        this.components = Optional.ofNullable(components);
    }

    @Override
    public Integer call() {
        Plugins plugins = new Plugins(context, components);
        List<Plugin> rows = plugins.all().stream()
                .filter(row -> all || !row.gives().isEmpty() || !row.problems().isEmpty()).toList();
        output.write(new Table<>(COLUMNS, DATA, rows), spec, hpt.console());
        plugins.missing().forEach(what -> hpt.console().say("warning: no bundle gives a " + what
                + ": without it no guest can be shown"));
        return ExitCodes.OK;
    }
}
