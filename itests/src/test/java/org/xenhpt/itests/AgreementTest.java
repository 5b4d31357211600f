// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.xenhpt.itests.guest.GuestTask;
import org.xenhpt.itests.guest.TaskList;

/** The judge of the other tests: it must find every fault, and excuse only what a running guest explains. */
class AgreementTest {
    private static final int TASKS = 30;
    private static final int RAN = 7;

    private static TaskList list(int switchesOfOne) {
        return new TaskList(0, 100, IntStream.rangeClosed(1, TASKS).mapToObj(tid -> new GuestTask(tid, tid, tid - 1, 'S',
                0, 10L * tid, 0, tid == RAN ? switchesOfOne : 5, "task" + tid)).toList());
    }

    private static List<ObjectNode> answer() {
        List<ObjectNode> rows = new ArrayList<>();
        for (int pid = 1; pid <= TASKS; pid++) {
            // Within the tick that the guest tells.
            BigDecimal start = BigDecimal.valueOf(10L * pid, 2).add(new BigDecimal("0.009999999"));
            rows.add(new ObjectMapper().createObjectNode().put("pid", pid).put("tgid", pid).put("ppid", pid - 1)
                    .put("state", "S").put("uid", 0).put("name", "task" + pid).put("start", start));
        }
        return rows;
    }

    private static void check(List<? extends JsonNode> answer) {
        new Agreement(list(5), list(6), false).check(List.copyOf(answer));
    }

    @Test
    void acceptsTheTruth() {
        assertThatCode(() -> check(answer())).doesNotThrowAnyException();
    }

    @Test
    void acceptsAnyStateOfATaskThatRan() {
        List<ObjectNode> answer = answer();
        answer.get(RAN - 1).put("state", "R");
        assertThatCode(() -> check(answer)).doesNotThrowAnyException();
    }

    @Test
    void findsAMissingTask() {
        for (int index : new int[] {0, RAN - 1, TASKS - 1}) {
            List<ObjectNode> answer = answer();
            answer.remove(index);
            assertThatThrownBy(() -> check(answer)).isInstanceOf(AssertionError.class);
        }
    }

    @Test
    void findsATaskTooMany() {
        List<ObjectNode> answer = answer();
        answer.add(answer.get(0).deepCopy().put("pid", TASKS + 1));
        assertThatThrownBy(() -> check(answer)).isInstanceOf(AssertionError.class);
        List<ObjectNode> twice = answer();
        twice.add(twice.get(0));
        assertThatThrownBy(() -> check(twice)).isInstanceOf(AssertionError.class);
    }

    @Test
    void findsAWrongField() {
        for (String field : List.of("tgid", "ppid", "uid")) {
            for (int index : new int[] {0, RAN - 1}) {
                List<ObjectNode> answer = answer();
                answer.get(index).put(field, 4711);
                assertThatThrownBy(() -> check(answer)).as(field).isInstanceOf(AssertionError.class);
            }
        }
        for (String field : List.of("state", "name")) {
            List<ObjectNode> answer = answer();
            answer.get(0).put(field, "D");
            assertThatThrownBy(() -> check(answer)).as(field).isInstanceOf(AssertionError.class);
        }
        List<ObjectNode> answer = answer();
        answer.get(0).put("start", new BigDecimal("0.11"));
        assertThatThrownBy(() -> check(answer)).as("start").isInstanceOf(AssertionError.class);
    }
}
