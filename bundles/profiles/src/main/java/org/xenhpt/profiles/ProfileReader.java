// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.StructLayout;
import org.yaml.snakeyaml.error.Mark;
import org.yaml.snakeyaml.events.Event;
import org.yaml.snakeyaml.events.ScalarEvent;

/** Reads the text of one profile, and notes all that is wrong with it. The schema is described beside the profiles. */
final class ProfileReader {
    static final long SCHEMA = 1;
    /** No structure of a kernel comes near; keeps sums of offsets far from overflow. */
    private static final long LARGEST_STRUCT = 1L << 28;
    private static final int LONGEST_TEXT = 4096;
    private static final List<String> SECTIONS =
            List.of("schema", "kernel", "origin", "symbols", "structs", "constants");
    private static final List<String> KERNEL = List.of("release", "architecture", "banner", "build-id");
    private static final List<String> ORIGIN = List.of("source", "from", "made", "confidence", "proof");
    private static final List<String> STRUCT = List.of("size", "members");
    private static final List<String> MEMBER = List.of("offset", "size", "type");

    private record Placed(String name, Member member, Mark mark) {
    }

    private final Problems problems;
    private final Map<String, String> kernel = new HashMap<>();
    private final Map<String, String> origin = new HashMap<>();
    private final Map<String, Long> symbols = new HashMap<>();
    private final Map<String, StructLayout> structs = new HashMap<>();
    private final Map<String, Long> constants = new HashMap<>();
    /** Where symbols of more than 32 bits stand; wrong if the kernel turns out to be a 32-bit one. */
    private final List<Mark> wide = new ArrayList<>();
    private Architecture architecture;
    private double confidence = 1;
    private Mark kernelMark;

    private ProfileReader(Problems problems) {
        this.problems = problems;
    }

    /** @return empty when there are problems; they are noted then */
    static Optional<Profile> read(String name, String text, Problems problems) {
        ProfileReader reader = new ProfileReader(problems);
        SafeYaml.read(text, problems, reader::document);
        return problems.none() ? Optional.of(reader.profile(name)) : Optional.empty();
    }

    private Profile profile(String name) {
        KernelMatch match = new KernelMatch(architecture, kernel.get("release"), kernel.getOrDefault("banner", ""),
                kernel.getOrDefault("build-id", ""));
        Origin from = new Origin(origin.getOrDefault("source", "hand"), origin.getOrDefault("from", ""),
                origin.getOrDefault("made", ""), confidence, origin.getOrDefault("proof", ""));
        return new Profile(name, match, from, symbols, structs, constants);
    }

    private void document(SafeYaml yaml, Event first) {
        boolean[] known = {false};
        boolean[] foreign = {false};
        yaml.mapping("a profile", (y, key) -> {
            String name = key.getValue();
            if (!known[0] && !foreign[0]) {
                known[0] = isKnownSchema(y, key);
                foreign[0] = !known[0];
                return;
            }
            if (foreign[0]) {
                // Another schema may mean other things by the same words.
                y.ignore();
                return;
            }
            switch (name) {
                case "kernel" -> {
                    kernelMark = key.getStartMark();
                    kernel(y);
                }
                case "origin" -> y.mapping("origin", this::origin);
                case "symbols" -> y.mapping("symbols", this::symbol);
                case "structs" -> y.mapping("structs", this::struct);
                case "constants" -> y.mapping("constants", (c, constant) ->
                        number(c, name(constant), Long.MIN_VALUE, Long.MAX_VALUE,
                                value -> constants.put(constant.getValue(), value)));
                default -> unknown(y, key, "section", SECTIONS);
            }
        });
        if (foreign[0]) {
            return;
        }
        if (!known[0]) {
            problems.add(first.getStartMark(), "a profile must begin with 'schema: 1'");
            return;
        }
        if (kernelMark == null) {
            problems.add(first.getStartMark(), "'kernel:' is missing: it says which build this profile is for");
        }
        if (architecture == Architecture.I386) {
            for (Mark mark : wide) {
                problems.add(mark, "an address of an i386 kernel has at most 32 bits");
            }
        }
    }

    /** Reads the first field, which must be the schema's number. */
    private boolean isKnownSchema(SafeYaml yaml, ScalarEvent key) {
        if (!key.getValue().equals("schema")) {
            problems.add(key.getStartMark(), "a profile must begin with 'schema: 1', not with '"
                    + SafeYaml.shown(key) + "'");
            yaml.ignore();
            return false;
        }
        ScalarEvent value = yaml.scalar("schema");
        if (value == null) {
            return false;
        }
        OptionalLong number = Numbers.parse(value.getValue());
        if (number.isPresent() && number.getAsLong() == SCHEMA) {
            return true;
        }
        problems.add(value.getStartMark(), number.isPresent() && number.getAsLong() > SCHEMA
                ? "schema " + number.getAsLong() + " is newer than this hpt, which reads schema " + SCHEMA
                : "schema must be " + SCHEMA + ", not '" + SafeYaml.shown(value) + "'");
        return false;
    }

    private void kernel(SafeYaml yaml) {
        yaml.mapping("kernel", (y, key) -> {
            Mark mark = text(y, key, KERNEL, kernel);
            String value = kernel.get(key.getValue());
            if (mark == null || value == null) {
                return;
            }
            switch (key.getValue()) {
                case "architecture" -> architecture(value, mark);
                case "build-id" -> {
                    if (!value.matches("([0-9a-f]{2})*")) {
                        problems.add(mark, "build-id must be lower-case hexadecimal, an even number of digits");
                    }
                }
                case "release" -> {
                    if (value.isEmpty()) {
                        problems.add(mark, "release must not be empty: it is what 'uname -r' prints");
                    }
                }
                default -> { }
            }
        });
        for (String required : List.of("release", "architecture")) {
            if (!kernel.containsKey(required)) {
                problems.add(kernelMark, "'" + required + ":' is missing in kernel");
            }
        }
    }

    private void origin(SafeYaml yaml, ScalarEvent key) {
        Mark mark = text(yaml, key, ORIGIN, origin);
        if (mark == null || !key.getValue().equals("confidence")) {
            return;
        }
        String value = origin.get("confidence");
        if (value.matches("0(\\.\\d{1,9})?|1(\\.0{1,9})?")) {
            confidence = Double.parseDouble(value);
        } else {
            problems.add(mark, "confidence must be a number from 0 to 1, such as 0.95, not '" + Text.shown(value) + "'");
        }
    }

    private void architecture(String value, Mark mark) {
        List<String> labels = new ArrayList<>();
        for (Architecture candidate : Architecture.values()) {
            labels.add(candidate.label());
            if (candidate.label().equals(value)) {
                architecture = candidate;
            }
        }
        if (architecture == null) {
            problems.add(mark, "unknown architecture '" + Text.shown(value) + "'" + Hint.nearest(value, labels));
        }
    }

    /** Reads a text into a map; gives its place, or null when there is none to read. */
    private Mark text(SafeYaml yaml, ScalarEvent key, List<String> known, Map<String, String> into) {
        if (!known.contains(key.getValue())) {
            unknown(yaml, key, "field", known);
            return null;
        }
        ScalarEvent value = yaml.scalar(key.getValue());
        if (value == null) {
            return null;
        }
        if (value.getValue().length() > LONGEST_TEXT) {
            problems.add(value.getStartMark(), key.getValue() + " is longer than " + LONGEST_TEXT + " characters");
        }
        into.put(key.getValue(), value.getValue());
        return value.getStartMark();
    }

    private void symbol(SafeYaml yaml, ScalarEvent key) {
        String symbol = name(key);
        ScalarEvent value = yaml.scalar("the address of " + symbol);
        if (value == null) {
            return;
        }
        // An address without 0x that happens to have no letters would be read as decimal.
        OptionalLong address = Numbers.isHex(value.getValue()) && value.isPlain()
                ? Numbers.parse(value.getValue()) : OptionalLong.empty();
        if (address.isEmpty()) {
            problems.add(value.getStartMark(), "the address of " + symbol
                    + " must be hexadecimal with 0x, at most 64 bits, not '" + SafeYaml.shown(value) + "'");
            return;
        }
        if (address.getAsLong() >>> 32 != 0 && wide.size() < 3) {
            wide.add(value.getStartMark());
        }
        symbols.put(key.getValue(), address.getAsLong());
    }

    private void struct(SafeYaml yaml, ScalarEvent key) {
        String tag = name(key);
        long[] size = {-1};
        List<Placed> members = new ArrayList<>();
        yaml.mapping("the layout of " + tag, (y, field) -> {
            switch (field.getValue()) {
                case "size" -> number(y, "size", 0, LARGEST_STRUCT, value -> size[0] = value);
                case "members" -> y.mapping("members", (m, member) -> member(m, member, members));
                default -> unknown(y, field, "field", STRUCT);
            }
        });
        if (size[0] < 0) {
            problems.add(key.getStartMark(), "'size:' of " + tag + " is missing (bytes)");
            return;
        }
        for (Placed placed : members) {
            long end = (long) placed.member.offset() + placed.member.size();
            if (end > size[0]) {
                problems.add(placed.mark, "member " + placed.name + " ends at byte " + end + ", beyond the " + size[0]
                        + " bytes of " + tag);
            }
        }
        members.sort(Comparator.comparingInt((Placed p) -> p.member.offset()).thenComparing(Placed::name));
        Map<String, Member> ordered = new LinkedHashMap<>(members.size() * 2);
        members.forEach(placed -> ordered.put(placed.name, placed.member));
        structs.put(key.getValue(), new StructLayout((int) size[0], ordered));
    }

    private void member(SafeYaml yaml, ScalarEvent key, List<Placed> into) {
        String member = name(key);
        long[] offset = {-1};
        long[] size = {-1};
        String[] type = {""};
        int before = problems.count();
        yaml.mapping("member " + member, (y, field) -> {
            switch (field.getValue()) {
                case "offset" -> number(y, "offset", 0, LARGEST_STRUCT, value -> offset[0] = value);
                case "size" -> number(y, "size", 0, LARGEST_STRUCT, value -> size[0] = value);
                case "type" -> {
                    ScalarEvent value = y.scalar("type");
                    if (value != null && !Text.isShortAndPrintable(value.getValue())) {
                        problems.add(value.getStartMark(), "type must be at most " + Text.LONGEST_NAME
                                + " printable characters");
                    }
                    type[0] = value == null ? "" : value.getValue();
                }
                default -> unknown(y, field, "field", MEMBER);
            }
        });
        if (offset[0] >= 0 && size[0] >= 0) {
            into.add(new Placed(key.getValue(), new Member((int) offset[0], (int) size[0], type[0]),
                    key.getStartMark()));
        } else if (problems.count() == before) {
            problems.add(key.getStartMark(), "member " + member + " needs offset and size (bytes):"
                    + " {offset: 0, size: 4, type: int}");
        }
    }

    /** Takes an integer within the bounds. */
    private void number(SafeYaml yaml, String what, long lowest, long highest, Consumer<Long> take) {
        ScalarEvent value = yaml.scalar(what);
        if (value == null) {
            return;
        }
        OptionalLong number = value.isPlain() ? Numbers.parse(value.getValue()) : OptionalLong.empty();
        if (number.isEmpty()) {
            problems.add(value.getStartMark(), what + " must be a whole number, decimal or hexadecimal with 0x, not '"
                    + SafeYaml.shown(value) + "'");
        } else if (number.getAsLong() < lowest || number.getAsLong() > highest) {
            problems.add(value.getStartMark(), what + " must be from " + lowest + " to " + highest + ", not "
                    + SafeYaml.shown(value));
        } else {
            take.accept(number.getAsLong());
        }
    }

    /** The name that stands as a key, as messages show it. */
    private String name(ScalarEvent key) {
        if (!Text.isName(key.getValue())) {
            problems.add(key.getStartMark(), "a name must have 1 to " + Text.LONGEST_NAME + " printable characters");
        }
        return SafeYaml.shown(key);
    }

    private void unknown(SafeYaml yaml, ScalarEvent key, String what, List<String> known) {
        problems.add(key.getStartMark(), "unknown " + what + " '" + SafeYaml.shown(key) + "'"
                + Hint.nearest(key.getValue(), known));
        yaml.ignore();
    }
}
