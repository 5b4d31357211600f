// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.kernel.Clue;
import org.xenhpt.api.progress.Progress;

/**
 * The calls of one thread into other bundles: whose code it is in, until when it is waited for, and who is to blame when
 * something else than the one known exception comes out. Costs nothing within a call.
 */
final class Calls {
    private static final int LONGEST = 300;

    private final String subject;
    private final Limits limits;
    private final Supplier<List<Plugin<?>>> all;
    private volatile Optional<Plugin<?>> current = Optional.empty();
    private volatile boolean choosing;
    private volatile boolean leftBehind;
    private volatile long end;

    /**
     * @param subject the guest, as messages name it; may be empty
     * @param all     whoever may be to blame
     */
    Calls(String subject, Limits limits, Supplier<List<Plugin<?>>> all) {
        this.subject = subject;
        this.limits = limits;
        this.all = all;
    }

    /** Those of another thread. */
    Calls alone(long limit) {
        return new Calls(subject, new Limits(limit, limit), all);
    }

    /** A reading begins. */
    void reading() {
        choosing = false;
        end = System.nanoTime() + limits.listing();
    }

    /** Something is looked for; it gets more time with each sign that it goes on. */
    void searching() {
        choosing = true;
        goesOn();
    }

    private void goesOn() {
        if (leftBehind) {
            throw new Unwound(new CancellationException("nobody waits for this any more"));
        }
        if (choosing) {
            end = System.nanoTime() + limits.attach();
        }
    }

    /** Until when it is waited for, as of {@link System#nanoTime}. */
    long end() {
        return end;
    }

    /** Begins with this limit. */
    void until(long nanos) {
        end = System.nanoTime() + nanos;
    }

    /** Whether a guest's kernel is being identified, not its tasks listed. */
    boolean isChoosing() {
        return choosing;
    }

    Optional<Plugin<?>> current() {
        return current;
    }

    /** Nobody waits any more. */
    void leaveBehind() {
        leftBehind = true;
    }

    boolean isLeftBehind() {
        return leftBehind;
    }

    /**
     * Calls into a bundle.
     *
     * @throws HptException what it threw, or {@code PLUGIN_FAILED}
     */
    <T> T to(Plugin<?> plugin, Supplier<T> call) {
        Optional<Plugin<?>> before = current;
        current = Optional.of(plugin);
        goesOn();
        try {
            return call.get();
        } catch (HptException | Unwound known) {
            throw known;
        } catch (InternalError sigbus) {
            throw sigbus;
        } catch (RuntimeException | Error failure) {
            throw blamed(failure);
        } finally {
            current = before;
        }
    }

    /** The failure with a name to it. */
    HptException blamed(Throwable failure) {
        Throwable first = failure;
        for (int depth = 0; first.getCause() != null && depth < 20; depth++) {
            first = first.getCause();
        }
        List<StackTraceElement> frames = Arrays.asList(first.getStackTrace());
        Optional<Plugin<?>> whose = owner(frames).or(() -> current);
        HptException named = new HptException(whose.map(Plugin::step).orElse(Step.FRONT_END), Reason.PLUGIN_FAILED, subject,
                whose.map(Plugin::owner).orElse("the front end") + " failed: " + text(first)
                        + frames.stream().findFirst().map(at -> " at " + at).orElse(""));
        // Not the cause itself: its class may be one of the bundle's, and would keep all of them from being unloaded.
        named.setStackTrace(first.getStackTrace());
        return named.next(next());
    }

    private static String text(Throwable failure) {
        String name = failure.getClass().getName();
        try {
            String text = failure.getMessage() == null ? name : name + ": " + failure.getMessage();
            return text.length() > LONGEST ? text.substring(0, LONGEST) + "..." : text;
        } catch (RuntimeException | StackOverflowError itsOwnCode) {
            return name;
        }
    }

    static String next() {
        return "update or remove that bundle, or report this to who made it; hpt plugins names its file";
    }

    String subject() {
        return subject;
    }

    /** Whose code the uppermost frame is that is of one of the bundles in question. */
    Optional<Plugin<?>> owner(List<StackTraceElement> frames) {
        // A bundle may have several services: the one that was called first.
        List<Plugin<?>> plugins = new ArrayList<>(current.stream().toList());
        plugins.addAll(all.get());
        Map<String, Optional<Plugin<?>>> known = new HashMap<>();
        for (StackTraceElement frame : frames) {
            Optional<Plugin<?>> owner = known.computeIfAbsent(frame.getClassName(), name ->
                    name.startsWith("java.") ? Optional.empty()
                            : plugins.stream().filter(plugin -> plugin.owns(name)).findFirst().map(found -> found));
            if (owner.isPresent()) {
                return owner;
            }
        }
        return Optional.empty();
    }

    /** Passes on what is reported, and takes it for a sign that the call goes on. */
    Progress signs(Progress listener) {
        return new Progress() {
            @Override
            public void report(String what, long done, long total) {
                goesOn();
                heard(() -> listener.report(what, done, total));
            }

            @Override
            public void met(Clue clue) {
                goesOn();
                heard(() -> listener.met(clue));
            }
        };
    }

    private static void heard(Runnable report) {
        try {
            report.run();
        } catch (Unwound already) {
            throw already;
        } catch (RuntimeException thrown) {
            // A listener's way to stop the work: no fault of the bundle that reported.
            throw new Unwound(thrown);
        }
    }
}
