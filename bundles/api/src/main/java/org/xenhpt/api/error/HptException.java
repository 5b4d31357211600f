// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.error;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/**
 * The one exception of the platform. It says which step failed, on what, why, what was tried, and what to do next; the
 * command line turns it into one line and the {@linkplain Reason#exitCode() exit code} of its reason.
 */
public class HptException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Step step;
    private final Reason reason;
    private final String subject;
    private final String detail;
    private final ArrayList<String> tried = new ArrayList<>();
    private String next = "";

    /**
     * @param step    the step that failed
     * @param reason  why
     * @param subject on what it failed: a guest's URI, a file, a symbol; may be empty
     * @param detail  what was found, in a clause without a full stop
     */
    public HptException(Step step, Reason reason, String subject, String detail) {
        this(step, reason, subject, detail, null);
    }

    /** As {@link #HptException(Step, Reason, String, String)}, with the exception that led to this one. */
    public HptException(Step step, Reason reason, String subject, String detail, Throwable cause) {
        this(step, reason, subject, detail, cause, true);
    }

    /** For subclasses thrown often: without a stack trace when {@code stackTrace} is false. */
    protected HptException(Step step, Reason reason, String subject, String detail, Throwable cause,
            boolean stackTrace) {
        super(null, cause, true, stackTrace);
        this.step = Objects.requireNonNull(step);
        this.reason = Objects.requireNonNull(reason);
        this.subject = Objects.requireNonNull(subject);
        this.detail = detail;
    }

    /** Adds what was tried before this was given up. */
    public HptException tried(String what) {
        tried.add(what);
        return this;
    }

    /** Says what the user can do next, in a clause without a full stop. */
    public HptException next(String what) {
        next = what;
        return this;
    }

    public Step step() {
        return step;
    }

    public Reason reason() {
        return reason;
    }

    /** On what it failed; may be empty. */
    public String subject() {
        return subject;
    }

    /** What was found. */
    public String detail() {
        return detail;
    }

    /** What was tried, in order; may be empty. */
    public List<String> tried() {
        return List.copyOf(tried);
    }

    /** What to do next; may be empty. */
    public String next() {
        return next;
    }

    /** One line: {@code step: subject: detail (tried: a; b); next}. */
    @Override
    public String getMessage() {
        StringBuilder line = new StringBuilder(step.label()).append(": ");
        if (!subject.isEmpty()) {
            line.append(subject).append(": ");
        }
        line.append(detail());
        if (!tried.isEmpty()) {
            line.append(" (tried: ").append(String.join("; ", tried)).append(')');
        }
        if (!next.isEmpty()) {
            line.append("; ").append(next);
        }
        return line.toString();
    }
}
