// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What no two boots of a guest have in common: where tasks lie, and when they started.
 *
 * @param tasks    the marks
 * @param youngest when the last of these tasks started, in seconds since the guest's start
 */
record BootMarks(Set<String> tasks, BigDecimal youngest) {
    static BootMarks of(List<JsonNode> tasks) {
        return new BootMarks(marks(tasks.stream()), tasks.stream().map(BootMarks::start).max(BigDecimal::compareTo)
                .orElse(BigDecimal.ZERO));
    }

    private static BigDecimal start(JsonNode task) {
        return task.get("start").decimalValue();
    }

    /**
     * Without those tasks that started in a whole millisecond: early on the clock goes in ticks, and kernels without KASLR
     * put their first tasks where they put them the last time.
     */
    private static Set<String> marks(Stream<JsonNode> tasks) {
        return tasks.filter(task -> start(task).stripTrailingZeros().scale() > 3)
                .map(task -> task.get("address").asText() + " " + task.get("start").asText()).collect(Collectors.toSet());
    }

    /**
     * Whether these tasks are of another boot than the marks; they may be of either, but never of both. What is younger
     * than the marks does not count: the marked boot itself went on after they were taken.
     */
    boolean isOfAnother(List<JsonNode> list) {
        Set<String> all = marks(list.stream().filter(task -> start(task).compareTo(youngest) <= 0));
        Set<String> both = new HashSet<>(all);
        both.retainAll(tasks);
        assertThat(both.size()).isIn(0, all.size());
        return both.isEmpty();
    }
}
