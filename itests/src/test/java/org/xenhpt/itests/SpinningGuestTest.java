// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.ImageFormat;
import org.xenhpt.itests.guest.TaskList;
import org.xenhpt.itests.guest.TestGuest;

/**
 * A guest whose every vCPU spins in user mode, with page-table isolation: every CR3 leads to a process's user tables, in
 * which next to nothing of the kernel is mapped.
 */
class SpinningGuestTest extends GuestContract {
    private static final int VCPUS = 4;
    private static final Pattern CR3 = Pattern.compile("\\bCR3=([0-9a-f]{16})\\b");

    @Override
    GuestSpec spec() {
        return GuestSpec.of("bookworm-amd64").cpus(VCPUS).append("hpt.spin pti=on");
    }

    @Override
    void prepare(TestGuest booted) throws IOException {
        assertThat(booted.spin()).isEqualTo(VCPUS);
    }

    @Override
    List<ImageFormat> formats() {
        return List.of(ImageFormat.RAW, ImageFormat.ELF);
    }

    /** The guest is stopped at a moment when every vCPU spins in user mode, so that there is no doubt about it. */
    @Test
    void readsWithEveryVcpuInUserMode(@TempDir Path folder) throws IOException {
        Path image = folder.resolve("image");
        TaskList before = guest().list();
        stopInUserMode();
        List<JsonNode> answer;
        List<JsonNode> current;
        List<JsonNode> byRegisters;
        try {
            Identity.of(guest().uri());
            answer = Hpt.run("ps", guest().uri(), "--json", "-T").rows();
            current = Hpt.run("current", guest().uri(), "--json").rows();
            // Of QEMU's interfaces only its ELF images tell the register where a vCPU in user mode keeps the kernel's GS.
            guest().image(image, ImageFormat.ELF);
            byRegisters = Hpt.run("current", "file:" + image, "--json", "--registers").rows();
        } finally {
            guest().resume();
        }
        new Agreement(before, guest().list(), true).check(answer);
        assertThat(answer).filteredOn(row -> row.get("name").asText().matches("spin\\d")).hasSize(VCPUS)
                .allMatch(row -> row.get("state").asText().equals("R"));
        assertThat(current).extracting(row -> row.get("name").asText())
                .containsExactly("spin0", "spin1", "spin2", "spin3");
        assertThat(byRegisters).extracting(row -> row.get("gva").asText())
                .containsExactlyElementsOf(current.stream().map(row -> row.get("gva").asText()).toList());
        assertThat(byRegisters).allMatch(row -> row.get("registers").booleanValue());
    }

    private void stopInUserMode() throws IOException {
        long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(5);
        while (System.nanoTime() < end) {
            guest().stop();
            if (isEveryVcpuSpinning(guest().hmp("info registers -a"))) {
                return;
            }
            guest().resume();
        }
        throw new AssertionError("there was no moment with every vCPU spinning in user mode");
    }

    /**
     * Every vCPU is in user mode, in one process: only the spinning one has a thread for each. User mode alone is not
     * enough, as the guest's other processes are there, too, for an instant now and then.
     */
    private static boolean isEveryVcpuSpinning(String registers) {
        List<String> inUserMode = Arrays.stream(registers.split("CPU#")).filter(vcpu -> vcpu.contains("CPL=3")).toList();
        return inUserMode.size() == VCPUS
                && inUserMode.stream().map(SpinningGuestTest::pageTables).distinct().count() == 1;
    }

    /** Where a vCPU's top page table is: CR3 without its low 12 bits, which hold the PCID. */
    private static long pageTables(String vcpu) {
        Matcher cr3 = CR3.matcher(vcpu);
        assertThat(cr3.find()).as(vcpu).isTrue();
        return Long.parseUnsignedLong(cr3.group(1), 16) >>> 12;
    }
}
