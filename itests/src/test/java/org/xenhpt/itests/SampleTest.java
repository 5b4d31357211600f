// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.api.Test;
import org.xenhpt.itests.guest.TaskList;
import org.xenhpt.itests.guest.TestGuest;

/** The image that comes with hpt, which it shows when it is told no guest. */
class SampleTest {
    private static TaskList list() throws IOException {
        return TaskList.parse(Files.readAllLines(TestGuest.project().resolve("launcher/sample/sample.list")));
    }

    @Test
    void showsItsProcesses() throws IOException {
        Hpt.Result result = Hpt.run("ps", "--json");
        new Agreement(list(), list(), false).check(result.rows());
        assertThat(result.err()).contains("sample");
    }

    @Test
    void showsItsThreads() throws IOException {
        new Agreement(list(), list(), true).check(Hpt.run("ps", "-T", "--json").rows());
    }

    @Test
    void isSmall() throws IOException {
        assertThat(Files.size(TestGuest.project().resolve("launcher/sample/sample.kdump"))).isLessThan(10_000_000);
    }

    @Test
    void isShownAsTextAndTreeAndIdentified() {
        String ps = Hpt.run("ps").ok().out();
        assertThat(ps.lines()).anyMatch(line -> line.matches(" *33 .* nginx"))
                .anyMatch(line -> line.endsWith(" redis-server")).anyMatch(line -> line.endsWith(" gzip <defunct>"));
        String tree = Hpt.run("tree").ok().out();
        assertThat(tree.lines()).anyMatch(line -> line.endsWith(" vim"));
        assertThat(Identity.of(Hpt.home().resolve("sample/sample.kdump").toString()).values())
                .containsEntry("architecture", "x86-64").containsEntry("paging", "4-level")
                .hasEntrySatisfying("kernel", kernel -> assertThat(kernel).startsWith("6.1.0-"));
    }
}
