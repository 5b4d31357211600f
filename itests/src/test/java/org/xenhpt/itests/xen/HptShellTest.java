// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.xenhpt.itests.guest.TestGuest;

/** On a slow machine hpt says how far it is, on a fast one never: it must not pass for a complaint there alone. */
class HptShellTest {
    private static final List<String> ROW = List.of("[", "{\"pid\":1}", "]");

    private static HptShell.Answer answer(String said) {
        return new HptShell.Answer("ps", Stream.concat(Stream.of(said), ROW.stream()).toList());
    }

    /** What the bundles report, as their sources have it. */
    private static Set<String> texts() throws IOException {
        Pattern text = Pattern.compile("(?:progress\\.report\\(|forEachStretch\\(|String WHAT = )\"([^\"]+)\"");
        Set<String> texts = new TreeSet<>();
        try (Stream<Path> files = Files.walk(TestGuest.project().resolve("bundles"))) {
            for (Path file : files.filter(each -> each.toString().matches(".*/src/main/java/.*\\.java")).toList()) {
                Matcher found = text.matcher(Files.readString(file));
                while (found.find()) {
                    texts.add(found.group(1));
                }
            }
        }
        return texts;
    }

    @Test
    void howFarItIsIsNoComplaint() throws IOException {
        // Else they are elsewhere by now.
        assertThat(texts()).contains("inferring the layout of tasks", "reading the kernel's symbols from guest memory",
                "searching all guest memory for texts", "searching guest memory",
                "searching guest memory for i386 page tables");
        for (String text : texts()) {
            for (String share : List.of("0", "50", "100")) {
                HptShell.Answer answer = answer("hpt: " + text + " " + share + " %");
                assertThat(answer.messages()).isEmpty();
                assertThat(answer.rows()).hasSize(1);
            }
        }
    }

    @Test
    void allElseIsOne() {
        for (String complaint : List.of("hpt: warning: guest: xen:web: GPA 0x1000: not mapped",
                "hpt: note: xen:web was started anew, with the same kernel", "hpt: the bundles did not stop in time",
                "hpt: warning: memory: of xen:web cannot be read 3 %", "hpt: searching guest memory",
                "hpt: read, 1.5 %")) {
            HptShell.Answer answer = answer(complaint);
            assertThat(answer.messages()).containsExactly(complaint);
            assertThatThrownBy(answer::rows).isInstanceOf(AssertionError.class).hasMessageContaining(complaint);
        }
    }
}
