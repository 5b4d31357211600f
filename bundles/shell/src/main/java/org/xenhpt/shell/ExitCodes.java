// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.util.ArrayList;
import java.util.List;
import org.xenhpt.api.error.Reason;
import org.xenhpt.shell.table.Cell;
import org.xenhpt.shell.table.Column;

/** The exit codes of hpt. They are part of the interface: those of errors belong to {@link Reason}. */
public final class ExitCodes {
    public static final int OK = 0;
    /** As ps: nothing fits what was asked for. */
    public static final int NOTHING_FOUND = 1;
    /** An answer with gaps. */
    public static final int GAPS = 14;
    /** 128 + SIGINT. */
    public static final int INTERRUPTED = 130;
    /** 128 + SIGPIPE. */
    public static final int READER_GONE = 141;

    /** An exit code and what it means. */
    public record Meaning(int code, String meaning) {
    }

    private ExitCodes() {
    }

    /** All exit codes, in order. */
    public static List<Meaning> all() {
        List<Meaning> all = new ArrayList<>();
        all.add(new Meaning(OK, "a whole answer"));
        all.add(new Meaning(NOTHING_FOUND, "nothing fits what was asked for"));
        for (Reason reason : Reason.values()) {
            all.add(new Meaning(reason.exitCode(), reason.meaning()));
        }
        all.add(new Meaning(GAPS, "an answer with gaps, which the warnings name"));
        all.add(new Meaning(INTERRUPTED, "interrupted (SIGINT)"));
        all.add(new Meaning(READER_GONE, "whoever read the output stopped reading (SIGPIPE)"));
        all.sort((a, b) -> Integer.compare(a.code(), b.code()));
        return List.copyOf(all);
    }

    public static final List<Column<Meaning>> COLUMNS = List.of(
            Column.right("code", "CODE", "the exit code", row -> new Cell.Whole(row.code())),
            Column.left("meaning", "MEANING", "what it means", row -> Cell.text(row.meaning())));
}
