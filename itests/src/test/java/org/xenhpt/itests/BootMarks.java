// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/** What no two boots of a guest have in common: where tasks lie, and when they started. */
final class BootMarks {
    private BootMarks() {
    }

    static Set<String> of(List<JsonNode> tasks) {
        return tasks.stream().map(task -> task.get("address").asText() + " " + task.get("start").asText())
                .collect(Collectors.toSet());
    }

    /** Whether these tasks are of another boot than the marks; they may be of either, but never of both. */
    static boolean isAnotherBoot(List<JsonNode> tasks, Set<String> marks) {
        Set<String> all = of(tasks);
        Set<String> both = new HashSet<>(all);
        both.retainAll(marks);
        assertThat(both.size()).isIn(0, all.size());
        return both.isEmpty();
    }
}
