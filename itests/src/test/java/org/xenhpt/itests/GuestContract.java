// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.ImageFormat;
import org.xenhpt.itests.guest.TaskList;
import org.xenhpt.itests.guest.TestGuest;

/** What must hold for every guest whose kernel hpt can list the tasks of. A subclass names the guest. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class GuestContract {
    private TestGuest guest;

    abstract GuestSpec spec();

    /** The paging mode that the guest's kernel uses, as hpt names it. */
    String paging() {
        return "4-level";
    }

    /** The image formats to try. makedumpfile needs the guest's VMCOREINFO. */
    List<ImageFormat> formats() {
        return spec().vmcoreinfo() ? List.of(ImageFormat.values())
                : List.of(ImageFormat.RAW, ImageFormat.ELF, ImageFormat.KDUMP, ImageFormat.LIME);
    }

    /** Called once the guest is up. */
    void prepare(TestGuest booted) throws IOException {
    }

    final TestGuest guest() {
        return guest;
    }

    @BeforeAll
    void boot() throws IOException {
        guest = TestGuest.boot(spec());
        prepare(guest);
    }

    @AfterAll
    void end() throws IOException {
        if (guest != null) {
            guest.close();
        }
    }

    @Test
    void identifiesTheKernel() throws IOException {
        Identity.of(guest.uri()).check(guest, "x86-64", paging());
    }

    @Test
    void showsTheProcessesOfTheLiveGuest() throws IOException {
        showsTheProcesses(guest.uri(), false);
    }

    @Test
    void showsTheThreadsOfTheLiveGuest() throws IOException {
        showsTheProcesses(guest.uri(), true);
    }

    private void showsTheProcesses(String uri, boolean threads) throws IOException {
        TaskList before = guest.list();
        List<JsonNode> answer = (threads ? Hpt.run("ps", uri, "--json", "-T") : Hpt.run("ps", uri, "--json")).rows();
        new Agreement(before, guest.list(), threads).check(answer);
    }

    @Test
    void drawsTheTree() throws IOException {
        TaskList before = guest.list();
        Hpt.Result json = Hpt.run("tree", guest.uri(), "--json");
        Hpt.Result text = Hpt.run("tree", guest.uri()).ok();
        new Agreement(before, guest.list(), false).check(json.rows());
        KnownAnswers.checkDepths(json.rows(), before);
        List<String> lines = text.out().lines().toList();
        int parent = IntStream.range(0, lines.size()).filter(i -> lines.get(i).endsWith(" sshd")).findFirst()
                .orElseThrow(() -> new AssertionError("no sshd in " + text));
        assertThat(lines.get(parent + 1)).endsWith(" sshd-session-0");
        assertThat(lines.get(parent + 1).indexOf("sshd-session-0")).as("indentation")
                .isGreaterThan(lines.get(parent).indexOf("sshd"));
        // Control characters of a name must not reach a terminal.
        assertThat(text.out()).contains("ctl\\n\\t\\r\\x1b[31m\\x7f\\x01", "c1 \\x9b31m");
        assertThat(text.out().chars()).noneMatch(c -> c != '\n' && Character.isISOControl(c));
    }

    @Test
    void tellsTheTaskOnEachVcpu() throws IOException {
        TaskList before = guest.list();
        List<JsonNode> rows = Hpt.run("current", guest.uri(), "--json").rows();
        // Without being asked, not by registers.
        KnownAnswers.checkCurrent(rows, spec().cpus(), false, guest.list().byTidSince(before));
        for (JsonNode row : rows) {
            assertThat(row.get("machine").isNull()).as("no machine address")
                    .isEqualTo(spec().ram() == GuestSpec.Ram.PRIVATE);
        }
    }

    @ParameterizedTest
    @MethodSource("formats")
    void showsTheSameFromAnImage(ImageFormat format, @TempDir Path folder) throws IOException {
        Path image = folder.resolve("image");
        TaskList before = guest.list();
        guest.stop();
        try {
            guest.image(image, format);
        } finally {
            guest.resume();
        }
        TaskList after = guest.list();
        String uri = "file:" + image;
        new Agreement(before, after, false).check(Hpt.run("ps", uri, "--json").rows());
        new Agreement(before, after, true).check(Hpt.run("ps", uri, "--json", "-T").rows());
        Identity.of(uri).check(guest, "x86-64", paging());
        Files.delete(image);
    }
}
