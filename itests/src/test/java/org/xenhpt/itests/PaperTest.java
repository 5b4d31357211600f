// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.itests.guest.ElfCoreFile;
import org.xenhpt.profiles.FolderProfiles;
import org.xenhpt.testkit.LaidOutLinux;

/**
 * The machine of the paper "Xen HPT": Ubuntu 12.04 with its kernel 3.2.0-33-generic for x86-64, as a memory image. Its
 * figure 1 is {@code hpt locate}, its figure 2 {@code hpt tree}.
 *
 * <p>The figures' own addresses, pids and names are not at hand. The layout and the addresses of the kernel are those of
 * another build of 3.2, and the processes are those that an Ubuntu 12.04 of that time runs.
 */
class PaperTest {
    private static final int THREAD_SIZE = 8 << 10;

    @TempDir
    private static Path folder;
    private static Path profiles;
    private static Path image;
    private static LaidOutLinux linux;
    private static long bash;
    private static long rsp;

    @BeforeAll
    static void boot() throws IOException, URISyntaxException {
        profiles = Files.createDirectory(folder.resolve("profiles"));
        Path profile = profiles.resolve("3.2.0-33-generic.yaml");
        Files.copy(Path.of(PaperTest.class.getResource("3.2.0-33-generic.yaml").toURI()), profile);
        linux = new LaidOutLinux(FolderProfiles.ofAnyone(profiles).read(profile).profile().orElseThrow(), THREAD_SIZE,
                false);
        long init = linux.process(1, linux.initTask(), 0, "init");
        long kthreadd = linux.kernelThread(2, linux.initTask(), "kthreadd");
        linux.kernelThread(3, kthreadd, "ksoftirqd/0");
        linux.kernelThread(6, kthreadd, "migration/0");
        linux.kernelThread(7, kthreadd, "watchdog/0");
        linux.process(278, init, 0, "upstart-udev-br");
        long udevd = linux.process(280, init, 0, "udevd");
        linux.process(341, udevd, 0, "udevd");
        linux.process(342, udevd, 0, "udevd");
        linux.process(475, init, 101, "rsyslogd");
        linux.process(496, init, 102, "dbus-daemon");
        long login = linux.process(905, init, 0, "login");
        bash = linux.process(1172, login, 1000, "bash");
        linux.run(0, bash);
        linux.run(1, udevd);
        rsp = linux.stackOf(bash) + THREAD_SIZE - 0x178;
        image = folder.resolve("paper.elf");
        ElfCoreFile.write(image, linux.memory(), List.of(linux.registers(0, rsp, false),
                linux.registers(1, 0x7fff5fbff8c8L, true)));
    }

    private static Hpt.Result hpt(String command, String... more) {
        List<String> words = new ArrayList<>(List.of(command, image.toString(), "--profiles", profiles.toString()));
        words.addAll(List.of(more));
        return Hpt.run(words.toArray(String[]::new));
    }

    private static String address(JsonNode row, String key) {
        return row.get(key).isNull() ? "null" : row.get(key).asText();
    }

    @Test
    void isIdentified() {
        assertThat(hpt("identify", "--json").rows()).extracting(row -> row.get("what").asText() + " "
                + row.get("value").asText()).contains("kernel 3.2.0-33-generic", "architecture x86-64",
                "paging 4-level", "KASLR offset 0x0", "profile 3.2.0-33-generic", "decoder linux-2.6.24");
    }

    @Test
    void figure1() {
        long stack = linux.stackOf(bash);
        List<JsonNode> steps = hpt("locate", "--json").rows();
        assertThat(steps).extracting(step -> step.get("step").asText() + " " + address(step, "gva") + " "
                + address(step, "gpa") + " " + step.get("how").asText()).containsExactly(
                "rsp 0x" + hex(rsp) + " 0x" + hex(linux.gpa(rsp)) + " register RSP, in kernel mode",
                "thread_info 0x" + hex(stack) + " 0x" + hex(linux.gpa(stack)) + " rsp & ~(8 KiB - 1)",
                "task_struct 0x" + hex(bash) + " 0x" + hex(linux.gpa(bash)) + " thread_info.task",
                "stack 0x" + hex(stack) + " 0x" + hex(linux.gpa(stack)) + " task_struct.stack");
        assertThat(steps).allSatisfy(step -> {
            assertThat(step.get("agrees").asBoolean()).isTrue();
            assertThat(step.get("pid").asInt()).isEqualTo(1172);
            assertThat(step.get("name").asText()).isEqualTo("bash");
            assertThat(address(step, "machine")).as("the image is mapped").startsWith("0x");
        });
        // The same byte is mapped at one place, however it was come to.
        assertThat(address(steps.get(3), "machine")).isEqualTo(address(steps.get(1), "machine"));
        String[] lines = hpt("locate").ok().out().split("\n");
        assertThat(lines[0]).isEqualTo("vCPU 0, in kernel mode: pid 1172 bash");
        assertThat(lines[1]).matches("STEP +GVA +GPA +MACHINE +HOW");
        assertThat(lines[lines.length - 1]).isEqualTo("both directions agree: the task's stack begins with the "
                + "thread_info that leads to the task");
    }

    @Test
    void figure1InUserMode() {
        List<JsonNode> steps = hpt("locate", "--vcpu", "1", "--json").rows();
        assertThat(steps).extracting(step -> step.get("step").asText()).containsExactly("rsp", "TSS", "stack top",
                "thread_info", "task_struct", "stack");
        assertThat(steps.get(0).get("gpa").isNull()).isTrue();
        assertThat(steps.get(0).get("mode").asText()).isEqualTo("user");
        assertThat(steps.get(4).get("name").asText()).isEqualTo("udevd");
        assertThat(steps.get(4).get("pid").asInt()).isEqualTo(280);
        assertThat(steps.get(4).get("agrees").asBoolean()).isTrue();
    }

    @Test
    void figure2() {
        assertThat(hpt("tree").ok().out()).isEqualTo("""
                 PID S     TIME NAME
                   1 S 00:00:02 init
                 278 S 00:00:02  \\_ upstart-udev-br
                 280 S 00:00:02  \\_ udevd
                 341 S 00:00:02  |   \\_ udevd
                 342 S 00:00:02  |   \\_ udevd
                 475 S 00:00:02  \\_ rsyslogd
                 496 S 00:00:02  \\_ dbus-daemon
                 905 S 00:00:02  \\_ login
                1172 S 00:00:02      \\_ bash
                   2 S 00:00:02 [kthreadd]
                   3 S 00:00:02  \\_ [ksoftirqd/0]
                   6 S 00:00:02  \\_ [migration/0]
                   7 S 00:00:02  \\_ [watchdog/0]
                """);
    }

    private static String hex(long address) {
        return Long.toHexString(address);
    }
}
