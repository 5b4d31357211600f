// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.component.annotations.ServiceScope;
import org.xenhpt.api.command.HptCommand;
import org.xenhpt.api.kernel.Attempt;
import org.xenhpt.api.kernel.Clue;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.process.Task;
import org.xenhpt.shell.ExitCodes;
import org.xenhpt.shell.Sessions;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;
import org.xenhpt.shell.table.Table;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

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

    /** A rung of the ladder (then {@code clue} is empty), or something met on it. */
    private record Line(int rung, Attempt attempt, Optional<Clue> clue) {
        String of(Function<Clue, String> told) {
            return clue.map(told).orElse("");
        }

        long number(ToIntFunction<Clue> told) {
            return clue.map(each -> (long) told.applyAsInt(each)).orElse(Task.UNKNOWN);
        }

        String outcome() {
            return clue.map(each -> each.verdict().name()).orElse(attempt.outcome().name()).toLowerCase(Locale.ROOT)
                    .replace('_', ' ');
        }
    }

    private static final List<Column<Line>> LADDER = List.of(
            Column.right("rung", "RUNG", "number of the source, from 1, in the order in which they are asked",
                    line -> new Cell.Whole(line.rung)),
            Column.left("source", "SOURCE", "the source", line -> Cell.text(line.attempt.source())),
            Column.left("outcome", "OUTCOME", "what came of it", line -> Cell.text(line.outcome())),
            Column.left("what", "WHAT", "what was met", line -> Cell.text(line.of(Clue::what))),
            Column.left("where", "WHERE", "where, or its value", line -> Cell.text(line.of(Clue::where))),
            Column.left("why", "WHY", "why it was believed or not", line -> Cell.text(
                    line.clue.map(Clue::why).orElse(line.attempt.detail()))),
            Column.right("agreed", "AGREED", "how many of those asked bear it out",
                    line -> Cell.whole(line.number(Clue::agreed))),
            Column.right("asked", "ASKED", "how many tasks were asked", line -> Cell.whole(line.number(Clue::asked))),
            Column.right("confidence", "CONFIDENCE", "of a source that told something, how sure it was", line ->
                    line.clue.isPresent() || line.attempt.confidence() == 0 ? Cell.UNKNOWN
                            : new Cell.Share(line.attempt.confidence())));
    private static final List<Column<Line>> SHOWN_LADDER = List.of(
            Column.<Line>left("what", "SOURCE, AND WHAT WAS MET", "", line -> Cell.text(line.attempt.source()))
                    .shownAs(line -> line.clue.map(clue -> "    " + clue.what())
                            .orElse(line.rung + ". " + line.attempt.source())),
            Column.<Line>left("outcome", "OUTCOME", "", line -> Cell.text(line.outcome())).shownAs(Line::outcome),
            Column.<Line>left("why", "WHERE AND WHY", "", line -> Cell.text("")).shownAs(IdentifyCommand::told));

    @Option(names = "--explain", description = "Show the ladder of sources: what was tried, what was found where, what was "
            + "rejected and why, and of what was inferred how many tasks bear out each member.")
    private boolean explain;

    private static String told(Line line) {
        if (line.clue.isEmpty()) {
            return (line.attempt.confidence() > 0 ? "confidence " + new Cell.Share(line.attempt.confidence()).plain() : "")
                    + (line.attempt.confidence() > 0 && !line.attempt.detail().isEmpty() ? "; " : "")
                    + line.attempt.detail();
        }
        Clue clue = line.clue.get();
        String agreed = clue.asked() < 0 ? "" : clue.agreed() + " of " + clue.asked();
        return Stream.of(clue.where(), agreed, clue.why()).filter(part -> !part.isEmpty())
                .collect(Collectors.joining(": "));
    }

    @Activate
    public IdentifyCommand(@Reference Sessions sessions) {
        super(sessions);
    }

    @Override
    public Integer call() {
        return ask(session -> {
            if (explain) {
                print(new Table<>(SHOWN_LADDER, LADDER, lines(session.ladder())));
            } else {
                print(new Table<>(SHOWN, COLUMNS, session.findings()));
            }
            // The kernel is identified all the same, and that was the question.
            session.problem().ifPresent(problem -> console().say("warning: " + problem.getMessage()));
            return ExitCodes.OK;
        });
    }

    private static List<Line> lines(List<Attempt> ladder) {
        List<Line> lines = new ArrayList<>();
        for (int i = 0; i < ladder.size(); i++) {
            Attempt attempt = ladder.get(i);
            lines.add(new Line(i + 1, attempt, Optional.empty()));
            for (Clue clue : attempt.clues()) {
                lines.add(new Line(i + 1, attempt, Optional.of(clue)));
            }
        }
        return lines;
    }
}
