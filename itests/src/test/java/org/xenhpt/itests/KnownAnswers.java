// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.xenhpt.itests.guest.GuestTask;
import org.xenhpt.itests.guest.TaskList;

/** What the processes that guest-init starts must look like in hpt's answers, whatever the guest runs on. */
public final class KnownAnswers {
    private KnownAnswers() {
    }

    /**
     * Fails unless the rows of {@code hpt tree} are as deep as they should be.
     *
     * @param list the guest's own
     */
    public static void checkDepths(List<JsonNode> rows, TaskList list) {
        Map<Integer, Integer> depths = new HashMap<>();
        rows.forEach(row -> depths.put(row.get("pid").intValue(), row.get("depth").intValue()));
        assertThat(depths.get(1)).isZero();
        assertThat(depths.get(list.named("sshd").pid())).isEqualTo(1);
        assertThat(depths.get(list.named("sshd-session-0").pid())).isEqualTo(2);
        assertThat(depths.get(list.named("inside").pid())).isEqualTo(3);
    }

    /**
     * Fails unless the rows of {@code hpt current} tell one task a vCPU, and each is the guest's.
     *
     * @param known the guest's tasks
     */
    public static void checkCurrent(List<JsonNode> rows, int vcpus, boolean registers, Map<Integer, GuestTask> known) {
        assertThat(rows).extracting(row -> row.get("vcpu").intValue())
                .containsExactlyElementsOf(IntStream.range(0, vcpus).boxed().toList());
        for (JsonNode row : rows) {
            checkRunning(row, row.get("vcpu").intValue(), known);
            assertThat(row.get("registers").booleanValue()).as("by registers").isEqualTo(registers);
            // The kernel's half of the address space: all upper bits are set.
            assertThat(address(row, "gva")).isNegative();
            assertThat(address(row, "gpa")).isBetween(1L, 0x200000000L);
        }
    }

    /** Fails unless it is the idle task of this CPU, or one of the guest's. */
    public static void checkRunning(JsonNode row, int cpu, Map<Integer, GuestTask> known) {
        int pid = row.get("pid").intValue();
        if (pid == 0) {
            assertThat(row.get("name").asText()).isEqualTo("swapper/" + cpu);
        } else {
            assertThat(known).as("the guest's tasks").containsKey(pid);
        }
    }

    /** The address that a row has by this name. */
    public static long address(JsonNode row, String key) {
        return Long.parseUnsignedLong(row.get(key).asText().substring(2), 16);
    }
}
