// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.StructLayout;

/** What was found out so far: members and why they are believed, symbols, and what could not be found and why. */
final class Findings {
    private final Map<String, Map<String, Member>> structs = new TreeMap<>();
    private final Map<String, Long> symbols = new TreeMap<>();
    private final Map<String, String> reasons = new TreeMap<>();
    private final List<Evidence> evidence = new ArrayList<>();
    private final List<String> missing = new ArrayList<>();
    private final int tasks;
    private long latestStart;
    private boolean suspended;

    /** @param tasks how many processes the guest has */
    Findings(int tasks) {
        this.tasks = tasks;
    }

    int tasks() {
        return tasks;
    }

    void add(Evidence why, int size, String type) {
        structs.computeIfAbsent(why.struct(), tag -> new LinkedHashMap<>())
                .put(why.member(), new Member(why.offset(), size, type));
        evidence.add(why);
    }

    void add(String struct, String member, Candidate where, int size, String type, String by) {
        add(new Evidence(struct, member, where.offset(), where.agreed(), where.asked(), by), size, type);
    }

    /**
     * @param gva where the guest has it; of a per-CPU variable, what the CPU's offset is added to
     * @param by  why that is believed, in a clause
     */
    void symbol(String name, long gva, String by) {
        symbols.put(name, gva);
        reasons.put(name, by);
    }

    /** Why a symbol is believed to be there. */
    String reason(String symbol) {
        return reasons.get(symbol);
    }

    /**
     * @param latest    when the last task was started, in nanoseconds since boot
     * @param slept     whether some task was started after the machine had been suspended
     */
    void starts(long latest, boolean slept) {
        latestStart = latest;
        suspended = slept;
    }

    /** When the last task was started, in nanoseconds since boot; 0 when that is not known. */
    long latestStart() {
        return latestStart;
    }

    /** Whether the tasks' times tell that the machine was suspended. */
    boolean suspended() {
        return suspended;
    }

    void missing(String what) {
        missing.add(what);
    }

    boolean has(String struct, String member) {
        return structs.getOrDefault(struct, Map.of()).containsKey(member);
    }

    /** Whether some of these bytes are known to be another member. */
    boolean isTaken(String struct, int offset, int size) {
        return structs.getOrDefault(struct, Map.of()).values().stream()
                .anyMatch(m -> offset < m.offset() + m.size() && m.offset() < offset + size);
    }

    /** Where a member was found. */
    OptionalInt offset(String struct, String member) {
        return Optional.ofNullable(structs.getOrDefault(struct, Map.of()).get(member))
                .map(found -> OptionalInt.of(found.offset())).orElse(OptionalInt.empty());
    }

    /** GVAs by name. */
    Map<String, Long> symbols() {
        return symbols;
    }

    List<Evidence> evidence() {
        return evidence;
    }

    List<String> missing() {
        return missing;
    }

    /** The layouts, each as long as what is known of it. */
    Map<String, StructLayout> layouts() {
        Map<String, StructLayout> layouts = new TreeMap<>();
        structs.forEach((tag, members) -> {
            Map<String, Member> ordered = new LinkedHashMap<>();
            members.entrySet().stream().sorted(Comparator.comparingInt(e -> e.getValue().offset()))
                    .forEach(e -> ordered.put(e.getKey(), e.getValue()));
            int end = members.values().stream().mapToInt(m -> m.offset() + m.size()).max().orElse(0);
            layouts.put(tag, new StructLayout(end, ordered));
        });
        return layouts;
    }
}
