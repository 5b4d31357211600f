// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.util.HashMap;
import java.util.Map;
import java.util.function.BiConsumer;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.events.AliasEvent;
import org.yaml.snakeyaml.events.CollectionStartEvent;
import org.yaml.snakeyaml.events.Event;
import org.yaml.snakeyaml.events.MappingStartEvent;
import org.yaml.snakeyaml.events.NodeEvent;
import org.yaml.snakeyaml.events.ScalarEvent;
import org.yaml.snakeyaml.parser.ParserImpl;
import org.yaml.snakeyaml.reader.ReaderException;
import org.yaml.snakeyaml.reader.StreamReader;

/**
 * Reads YAML as a stream of events and knows mappings and scalars only: no objects, tags, anchors or aliases, so that
 * nothing in a file can make more of itself than is written in it. SnakeYAML's upper layers (composer, constructor,
 * resolver) are not used: so the first profile is read sooner after the start, and each problem has its place.
 */
final class SafeYaml {
    private static final int DEEPEST = 16;

    /** The rest of the file cannot be read; the problem is already noted. */
    private static final class Unreadable extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Unreadable() {
            super(null, null, false, false);
        }
    }

    private final ParserImpl events;
    private final Problems problems;

    private SafeYaml(String text, Problems problems) {
        LoaderOptions options = new LoaderOptions();
        // The file's size is bounded where it is read.
        options.setCodePointLimit(Integer.MAX_VALUE);
        this.events = new ParserImpl(new StreamReader(text), options);
        this.problems = problems;
    }

    /** What is done with the value of a key. It must take the value: exactly one of the methods of {@link SafeYaml}. */
    interface Field {
        void read(SafeYaml yaml, ScalarEvent key);
    }

    /** Reads the one document of a text, a mapping. Never throws for what the text says. */
    static void read(String text, Problems problems, BiConsumer<SafeYaml, Event> document) {
        try {
            SafeYaml yaml = new SafeYaml(text, problems);
            yaml.events.getEvent();
            if (yaml.events.checkEvent(Event.ID.StreamEnd)) {
                problems.add("the file is empty");
                return;
            }
            yaml.events.getEvent();
            document.accept(yaml, yaml.events.peekEvent());
            yaml.events.getEvent();
            Event end = yaml.events.getEvent();
            if (!end.is(Event.ID.StreamEnd)) {
                problems.add(end.getStartMark(), "a second document begins here: a file holds one profile");
            }
        } catch (Unreadable | Problems.TooMany e) {
            // The reason is among the problems.
        } catch (MarkedYAMLException e) {
            String context = e.getContext() == null ? "" : " " + e.getContext();
            boolean tab = e.getProblem() != null && e.getProblem().contains("(TAB)");
            addLast(problems, e.getProblemMark() == null ? 0 : e.getProblemMark().getLine() + 1,
                    e.getProblemMark() == null ? 0 : e.getProblemMark().getColumn() + 1,
                    "not YAML: " + (tab ? "a tab cannot stand here; indent with spaces" : e.getProblem() + context));
        } catch (ReaderException e) {
            int position = text.offsetByCodePoints(0, Math.min(e.getPosition(), text.codePointCount(0, text.length())));
            Place place = Place.of(text, position);
            addLast(problems, place.line(), place.column(),
                    String.format("not YAML: the character U+%04X is not allowed in a text", e.getCodePoint()));
        } catch (YAMLException e) {
            addLast(problems, 0, 0, "not YAML: " + e.getMessage());
        }
    }

    private static void addLast(Problems problems, int line, int column, String message) {
        try {
            problems.add(line, column, message);
        } catch (Problems.TooMany e) {
            // That there are too many is noted instead.
        }
    }

    /**
     * Takes a mapping, field by field; keys that come twice are noted and not read.
     *
     * @param what for messages: what the mapping is
     */
    void mapping(String what, Field field) {
        Event start = next();
        if (isEmptyScalar(start)) {
            return;
        }
        if (!(start instanceof MappingStartEvent)) {
            if (!(start instanceof AliasEvent)) {
                problems.add(start.getStartMark(), what + " must be a mapping ('name: value'), not " + kind(start));
            }
            skip(start);
            return;
        }
        Map<String, Integer> lines = new HashMap<>();
        while (!events.checkEvent(Event.ID.MappingEnd)) {
            Event key = next();
            if (!(key instanceof ScalarEvent name)) {
                problems.add(key.getStartMark(), "a name must stand here, not " + kind(key));
                skip(key);
                skip(next());
                continue;
            }
            Integer first = lines.putIfAbsent(name.getValue(), key.getStartMark().getLine() + 1);
            if (first != null) {
                problems.add(key.getStartMark(), "'" + shown(name) + "' is given twice, first in line " + first);
                skip(next());
                continue;
            }
            field.read(this, name);
        }
        events.getEvent();
    }

    /** Takes a scalar; null, with a problem noted, when something else stands there. */
    ScalarEvent scalar(String what) {
        Event event = next();
        if (event instanceof ScalarEvent scalar) {
            return scalar;
        }
        if (!(event instanceof AliasEvent)) {
            problems.add(event.getStartMark(), what + " must be a single value, not " + kind(event));
        }
        skip(event);
        return null;
    }

    /** Takes a value of any kind and forgets it. */
    void ignore() {
        skip(next());
    }

    private Event next() {
        Event event = events.getEvent();
        if (event instanceof AliasEvent) {
            problems.add(event.getStartMark(), "aliases (*name) are not allowed: write the value out");
        } else if (event instanceof NodeEvent node && node.getAnchor() != null) {
            problems.add(event.getStartMark(),
                    "anchors (&name) are not allowed: write the value out where it is needed");
        }
        String tag = event instanceof ScalarEvent scalar ? scalar.getTag()
                : event instanceof CollectionStartEvent start ? start.getTag() : null;
        if (tag != null) {
            problems.add(event.getStartMark(), "tags (!name) are not allowed");
        }
        return event;
    }

    private void skip(Event start) {
        int depth = start instanceof CollectionStartEvent ? 1 : 0;
        while (depth > 0) {
            Event event = events.getEvent();
            if (event instanceof CollectionStartEvent) {
                depth++;
                if (depth > DEEPEST) {
                    problems.add(event.getStartMark(), "nested too deeply: reading stops here");
                    throw new Unreadable();
                }
            } else if (event.is(Event.ID.MappingEnd) || event.is(Event.ID.SequenceEnd)) {
                depth--;
            }
        }
    }

    /** {@code symbols:} with nothing behind it is a mapping without fields to people. */
    private static boolean isEmptyScalar(Event event) {
        return event instanceof ScalarEvent scalar && scalar.isPlain() && scalar.getValue().isEmpty();
    }

    private static String kind(Event event) {
        return event instanceof ScalarEvent scalar ? "the value '" + shown(scalar) + "'"
                : event instanceof MappingStartEvent ? "a mapping" : "a list";
    }

    /** A value as a message shows it. */
    static String shown(ScalarEvent scalar) {
        return Text.shown(scalar.getValue());
    }

    /** A place in a text, lines and columns from 1. */
    record Place(int line, int column) {
        static Place of(String text, int position) {
            int line = 1;
            int start = 0;
            for (int i = text.indexOf('\n'); i >= 0 && i < position; i = text.indexOf('\n', i + 1)) {
                line++;
                start = i + 1;
            }
            return new Place(line, position - start + 1);
        }
    }
}
