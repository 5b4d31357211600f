// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.GuestUri;

/**
 * A thread on which other bundles' code is called, so that it can be left behind when it does not come back. It cannot be
 * stopped: it is interrupted, gets no more work, and nothing that it may still use is given back before it ends.
 */
final class Worker implements AutoCloseable {
    /** How the detail of a failure begins that is for want of an answer. */
    static final String NO_ANSWER = "no answer ";
    private static final Logger LOG = LoggerFactory.getLogger(Worker.class);
    private static final long IDLE_SECONDS = 20;
    private static final long GRACE_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final int SAMPLES = 8;
    private static final long SAMPLE_MILLIS = 15;
    private static final double NANOS = 1e9;

    private final Calls calls;
    private final ThreadPoolExecutor executor;
    private volatile Thread thread;

    /** @param cleanUp runs on the thread itself, when it comes back after it was left behind */
    Worker(String name, Calls calls, Runnable cleanUp) {
        this.calls = calls;
        executor = new ThreadPoolExecutor(1, 1, IDLE_SECONDS, TimeUnit.SECONDS, new LinkedBlockingQueue<>(), work -> {
            Thread made = new Thread(work, name);
            made.setDaemon(true);
            // Not that of whoever happens to be the first to ask.
            made.setContextClassLoader(Worker.class.getClassLoader());
            thread = made;
            return made;
        }) {
            @Override
            protected void terminated() {
                if (calls.isLeftBehind()) {
                    cleanUp.run();
                }
            }
        };
        executor.allowCoreThreadTimeOut(true);
    }

    /**
     * Does the work and waits for it, as long as {@link Calls#end} says.
     *
     * @param limit until the work itself says more, in nanoseconds
     * @throws HptException {@code PLUGIN_FAILED} when it does not end
     * @throws CancellationException when the caller is interrupted and it does not end soon
     */
    <T> T call(Supplier<T> work, long limit) {
        calls.until(limit);
        long begin = System.nanoTime();
        Future<T> future = executor.submit(leavable(work));
        try {
            while (true) {
                try {
                    return future.get(Math.max(1, calls.end() - System.nanoTime()), TimeUnit.NANOSECONDS);
                } catch (TimeoutException e) {
                    if (System.nanoTime() - calls.end() >= 0 && !future.isDone()) {
                        throw hangs(System.nanoTime() - begin);
                    }
                } catch (InterruptedException e) {
                    return interrupted(future);
                }
            }
        } catch (ExecutionException e) {
            throw thrown(e);
        }
    }

    private static RuntimeException thrown(ExecutionException e) {
        if (e.getCause() instanceof Unwound unwound) {
            return unwound.thrown();
        } else if (e.getCause() instanceof Error error) {
            throw error;
        }
        return (RuntimeException) e.getCause();
    }

    private <T> Callable<T> leavable(Supplier<T> work) {
        return () -> {
            try {
                return work.get();
            } finally {
                // What interrupted this work is not meant for the next.
                Thread.interrupted();
            }
        };
    }

    /** Does something when all that was asked for before is done; nobody waits for it. */
    void later(Runnable work) {
        try {
            executor.execute(() -> {
                try {
                    work.run();
                } catch (RuntimeException | Error failure) {
                    LOG.warn("{}", calls.blamed(failure).getMessage());
                }
            });
        } catch (RejectedExecutionException closed) {
            LOG.debug("not done any more");
        }
    }

    private <T> T interrupted(Future<T> future) throws ExecutionException {
        Thread.interrupted();
        interrupt();
        try {
            T answer = future.get(GRACE_NANOS, TimeUnit.NANOSECONDS);
            Thread.currentThread().interrupt();
            return answer;
        } catch (TimeoutException | InterruptedException e) {
            leave();
            throw new CancellationException("interrupted");
        }
    }

    private void interrupt() {
        Thread running = thread;
        if (running != null) {
            running.interrupt();
        }
    }

    private HptException hangs(long waited) {
        Optional<Plugin<?>> culprit = culprit();
        boolean choosing = calls.isChoosing();
        leave();
        Thread running = thread;
        culprit.ifPresent(plugin -> plugin.stuck(choosing && plugin.step() != Step.BACKEND || calls.subject().isEmpty()
                ? Optional.empty() : Optional.of(GuestUri.parse(calls.subject())),
                () -> running != null && running.isAlive()));
        String where = running == null ? "" : Arrays.stream(running.getStackTrace())
                .filter(frame -> culprit.filter(plugin -> plugin.owns(frame.getClassName())).isPresent()).findFirst()
                .map(at -> "; it is at " + at).orElse("");
        return new HptException(culprit.map(Plugin::step).orElse(Step.FRONT_END), Reason.PLUGIN_FAILED, calls.subject(),
                NO_ANSWER + "after " + Math.max(1, Math.round(waited / NANOS)) + " s" + " from "
                        + culprit.map(Plugin::owner).orElse("the front end") + where + "; the call was left behind")
                .next(Calls.next() + "; " + Limits.LISTING_PROPERTY + " and " + Limits.ATTACH_PROPERTY
                        + " in hpt.properties are the limits, in seconds");
    }

    /**
     * Who holds up the thread. A loop that calls others now and then is told from the one that it calls by looking several
     * times: what all looks have in common is where it is held up.
     */
    private Optional<Plugin<?>> culprit() {
        Thread running = thread;
        if (running == null) {
            return calls.current();
        }
        List<StackTraceElement> common = new ArrayList<>();
        for (int sample = 0; sample < SAMPLES; sample++) {
            List<StackTraceElement> upwards = new ArrayList<>(Arrays.asList(running.getStackTrace()));
            Collections.reverse(upwards);
            if (sample == 0) {
                common = upwards;
            } else {
                int same = 0;
                while (same < Math.min(common.size(), upwards.size()) && isSame(common.get(same), upwards.get(same))) {
                    same++;
                }
                common = new ArrayList<>(common.subList(0, same));
            }
            try {
                Thread.sleep(SAMPLE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                break;
            }
        }
        Collections.reverse(common);
        return calls.owner(common).or(calls::current);
    }

    private static boolean isSame(StackTraceElement a, StackTraceElement b) {
        return a.getClassName().equals(b.getClassName()) && a.getMethodName().equals(b.getMethodName());
    }

    private void leave() {
        calls.leaveBehind();
        executor.shutdownNow();
    }

    /** Takes no more work; what was asked for is done. */
    @Override
    public void close() {
        executor.shutdown();
    }
}
