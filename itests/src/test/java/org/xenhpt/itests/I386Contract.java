// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.ImageFormat;
import org.xenhpt.itests.guest.TaskList;
import org.xenhpt.itests.guest.TestGuest;

/**
 * 32-bit guests. Debian's i386 kernels carry neither BTF nor data symbols: hpt infers their structures from the tasks in their
 * memory.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class I386Contract {
    private TestGuest guest;

    abstract String kernel();

    abstract String paging();

    @BeforeAll
    void boot() throws IOException {
        guest = TestGuest.boot(GuestSpec.of(kernel()));
    }

    @AfterAll
    void end() throws IOException {
        if (guest != null) {
            guest.close();
        }
    }

    @Test
    void identifiesTheLiveGuest() throws IOException {
        Identity.of(guest.uri()).check(guest, "i386", paging());
    }

    @Test
    void showsTheProcessesOfTheLiveGuest() throws IOException {
        showsTheTasks(false);
    }

    @Test
    void showsTheThreadsOfTheLiveGuest() throws IOException {
        showsTheTasks(true);
    }

    private void showsTheTasks(boolean threads) throws IOException {
        TaskList before = guest.list();
        Hpt.Result result = threads ? Hpt.run("ps", guest.uri(), "--json", "-T") : Hpt.run("ps", guest.uri(), "--json");
        new Agreement(before, guest.list(), threads).check(result.rows());
        assertThat(result.err()).as("what was inferred is marked").contains("inferred, confidence 0.");
    }

    @ParameterizedTest
    @EnumSource(names = {"RAW", "ELF", "KDUMP", "LIME"})
    void readsAnImage(ImageFormat format, @TempDir Path folder) throws IOException {
        Path image = folder.resolve("image");
        TaskList before = guest.list();
        guest.stop();
        try {
            guest.image(image, format);
        } finally {
            guest.resume();
        }
        Identity.of("file:" + image).check(guest, "i386", paging());
        new Agreement(before, guest.list(), true).check(Hpt.run("ps", "file:" + image, "--json", "-T").rows());
        Files.delete(image);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void tellsTheRunningTask(boolean registers) throws IOException {
        List<String> command = new ArrayList<>(List.of("current", guest.uri(), "--json"));
        if (registers) {
            command.add("--registers");
        }
        TaskList before = guest.list();
        List<JsonNode> rows = Hpt.run(command.toArray(new String[0])).rows();
        assertThat(rows).hasSize(1);
        KnownAnswers.checkRunning(rows.get(0), 0, guest.list().byTidSince(before));
    }
}
