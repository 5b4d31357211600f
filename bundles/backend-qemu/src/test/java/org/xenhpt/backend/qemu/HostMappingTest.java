// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class HostMappingTest {
    private static HostMapping parse(String line) {
        return HostMapping.parse(line).orElseThrow();
    }

    @Test
    void readsLinesOfProcMaps() {
        assertThat(parse("7f48d3e00000-7f4a13e00000 rw-p 00000000 00:00 0 "))
                .isEqualTo(new HostMapping(0x7f48d3e00000L, 0x7f4a13e00000L, false, 0, "00:00", 0, ""));
        assertThat(parse("7f0000000000-7f0140000000 rw-s c0000000 00:01 4711                     "
                + "/memfd:memory-backend-memfd (deleted)")).isEqualTo(new HostMapping(0x7f0000000000L,
                0x7f0140000000L, true, 0xc0000000L, "00:01", 4711, "/memfd:memory-backend-memfd (deleted)"));
        assertThat(parse(new String("1000-2000 rw-s 00000000 fe:00 7   /ram ü".getBytes(StandardCharsets.UTF_8),
                StandardCharsets.ISO_8859_1)).path()).isEqualTo("/ram ü");
        assertThat(HostMapping.parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0  [vsyscall]")).isEmpty();
        assertThat(HostMapping.parse("")).isEmpty();
    }

    @Test
    void onlySharedFilesAreTheGuestsRam() {
        assertThat(parse("1000-2000 rw-s 00000000 fe:00 7 /ram").isSharedFile()).isTrue();
        assertThat(parse("1000-2000 rw-p 00000000 fe:00 7 /ram").isSharedFile()).isFalse();
        assertThat(parse("1000-2000 rw-p 00000000 00:00 0").isSharedFile()).isFalse();
    }

    @Test
    void neighboursAreJoinedWhenTheyGoOnInTheSameFile() {
        HostMapping first = parse("1000-3000 rw-s 00005000 fe:00 7 /ram");
        assertThat(first.continuesIn(parse("3000-4000 rw-s 00007000 fe:00 7 /ram"))).isTrue();
        assertThat(first.continuesIn(parse("3000-4000 rw-s 00008000 fe:00 7 /ram"))).isFalse();
        assertThat(first.continuesIn(parse("3000-4000 rw-s 00007000 fe:00 8 /ram"))).isFalse();
        assertThat(first.continuesIn(parse("3000-4000 rw-s 00007000 fe:01 7 /ram"))).isFalse();
        assertThat(first.continuesIn(parse("3000-4000 rw-p 00000000 00:00 0"))).isFalse();
        assertThat(first.continuesIn(parse("4000-5000 rw-s 00008000 fe:00 7 /ram"))).isFalse();
        assertThat(parse("1000-2000 rw-p 00000000 00:00 0").continuesIn(parse("2000-3000 rw-p 00000000 00:00 0")))
                .isTrue();
    }
}
