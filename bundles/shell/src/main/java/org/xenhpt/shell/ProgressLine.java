// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.shell.table.SafeText;

/**
 * Shows what a slow step is doing, on standard error: on a terminal a line that is drawn over, elsewhere a line now and
 * then. What is quick shows nothing. It is also where a command that was interrupted stops.
 */
public final class ProgressLine implements Progress, AutoCloseable {
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(2);
    private static final long REDRAW = TimeUnit.MILLISECONDS.toNanos(200);
    private static final long REPEAT = TimeUnit.SECONDS.toNanos(10);
    private static final int LONGEST = 70;

    private final Console console;
    private final LongSupplier clock;
    private long next;
    private boolean drawn;

    public ProgressLine(Console console) {
        this(console, System::nanoTime);
    }

    ProgressLine(Console console, LongSupplier clock) {
        this.console = console;
        this.clock = clock;
        this.next = clock.getAsLong() + (console.messagesTty() ? PATIENCE : REPEAT);
    }

    @Override
    public void report(String what, long done, long total) {
        if (Thread.currentThread().isInterrupted()) {
            throw new InterruptedCommand();
        }
        long now = clock.getAsLong();
        if (now - next < 0) {
            return;
        }
        String text = SafeText.cut(SafeText.of(what), LONGEST)
                + (total > 0 ? String.format(Locale.ROOT, " %d %%", Math.min(100, (long) (100.0 * done / total))) : "");
        if (console.messagesTty()) {
            console.messages().print("\r" + text + "\u001b[K");
            console.messages().flush();
            drawn = true;
            next = now + REDRAW;
        } else {
            console.messages().println("hpt: " + text);
            next = now + REPEAT;
        }
    }

    @Override
    public void close() {
        erase();
    }

    /** Takes the line away. */
    public void erase() {
        if (drawn) {
            console.messages().print("\r\u001b[K");
            console.messages().flush();
            drawn = false;
        }
    }
}
