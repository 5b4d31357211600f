// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.process.Task;
import org.xenhpt.shell.FakePlatform;

class ForestTest {
    private static List<String> draw(Task... tasks) {
        return Forest.of(List.of(tasks)).stream().map(node -> node.branch() + node.task().name()).toList();
    }

    private static Task task(int pid, int ppid) {
        return FakePlatform.task(pid, ppid, "p" + pid);
    }

    @Test
    void drawsAsPsAxfDoes() {
        assertThat(draw(task(1, 0), task(2, 1), task(3, 2), task(4, 2), task(5, 1), task(6, 5))).containsExactly(
                "p1",
                " \\_ p2",
                " |   \\_ p3",
                " |   \\_ p4",
                " \\_ p5",
                "     \\_ p6");
    }

    @Test
    void anOrphanIsARoot() {
        assertThat(draw(task(1, 0), task(7, 99), task(8, 7))).containsExactly("p1", "p7", " \\_ p8");
    }

    @Test
    void aCircleIsShownOnce() {
        assertThat(draw(task(1, 0), task(5, 6), task(6, 7), task(7, 5), task(8, 6))).containsExactly(
                "p1", "p5", " \\_ p7", "     \\_ p6", "         \\_ p8");
    }

    @Test
    void aTaskMayBeItsOwnParent() {
        assertThat(draw(task(4, 4), task(5, 4))).containsExactly("p4", " \\_ p5");
    }

    @Test
    void tasksThatShareAPidAreAllShown() {
        assertThat(Forest.of(List.of(task(1, 0), FakePlatform.task(2, 1, "a"), FakePlatform.task(2, 1, "b")))).hasSize(3);
    }

    @Test
    void aLongChainNeedsNeitherStackNorSquareMemory() {
        List<Task> chain = new ArrayList<>();
        for (int pid = 1; pid <= 100_000; pid++) {
            chain.add(task(pid, pid - 1));
        }
        List<Forest.Node> nodes = assertTimeoutPreemptively(Duration.ofSeconds(120), () -> Forest.of(chain));
        assertThat(nodes).hasSize(100_000);
        assertThat(nodes.get(99_999).depth()).isEqualTo(99_999);
        assertThat(nodes.get(99_999).branch()).hasSizeLessThan(1000);
    }
}
