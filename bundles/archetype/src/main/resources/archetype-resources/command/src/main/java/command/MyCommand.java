// SPDX-License-Identifier: Apache-2.0
package ${package}.command;

import java.io.PrintWriter;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ServiceScope;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.frontend.FrontEnd;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.process.ProcessTable;
import org.xenhpt.api.process.TaskField;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.progress.Progress;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code hpt users}. Each call has an object of its own. */
@Component(service = HptCommand.class, scope = ServiceScope.PROTOTYPE, property = "hpt.command=users")
@Command(name = "users", description = "Counts a guest's processes by user.")
public final class MyCommand implements HptCommand, Callable<Integer> {
    /** As the other commands of hpt: an answer with gaps. */
    private static final int GAPS = 14;

    @Spec
    private CommandSpec spec;

    @Parameters(paramLabel = "GUEST", description = "SCHEME:NAME")
    private String guest;

    @Option(names = "--json", description = "As a JSON array.")
    private boolean json;

    private final FrontEnd frontEnd;

    @Activate
    public MyCommand(@Reference FrontEnd frontEnd) {
        this.frontEnd = frontEnd;
    }

    /** Throws HptException, which hpt turns into a line and an exit code. */
    @Override
    public Integer call() {
        try (Session session = frontEnd.attach(GuestUri.parse(guest), Progress.NONE)) {
            // Only what is asked for is read.
            ProcessTable table = session.processes(new TaskQuery(false, Set.of(TaskField.UID)));
            Map<Long, Integer> processes = new TreeMap<>();
            table.tasks().forEach(task -> processes.merge(task.uid(), 1, Integer::sum));
            print(processes, spec.commandLine().getOut());
            table.gaps().forEach(gap -> spec.commandLine().getErr()
                    .println("hpt: warning: " + gap.where() + ": " + gap.why()));
            return table.gaps().isEmpty() ? 0 : GAPS;
        }
    }

    private void print(Map<Long, Integer> processes, PrintWriter out) {
        if (json) {
            out.println(processes.entrySet().stream().map(each -> "{\"uid\": " + each.getKey() + ", \"processes\": "
                    + each.getValue() + "}").collect(Collectors.joining(", ", "[", "]")));
        } else {
            out.println("  UID PROCESSES");
            processes.forEach((uid, count) -> out.printf(Locale.ROOT, "%5d %9d%n", uid, count));
        }
        out.flush();
    }
}
