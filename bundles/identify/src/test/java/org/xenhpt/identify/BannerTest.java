// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class BannerTest {
    private static Optional<Banner> parse(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return Banner.parse(bytes, bytes.length);
    }

    @Test
    void readsTheReleaseAndTheLine() {
        Banner banner = parse("Linux version 5.10.0-32-amd64 (a@b) (gcc (Debian) 10.2) #1 SMP Debian 5.10.223-1\n\0 "
                + "more").orElseThrow();
        assertThat(banner.release()).isEqualTo("5.10.0-32-amd64");
        assertThat(banner.text()).isEqualTo("Linux version 5.10.0-32-amd64 (a@b) (gcc (Debian) 10.2) "
                + "#1 SMP Debian 5.10.223-1");
        assertThat(banner.isOf("#1 SMP Debian 5.10.223-1")).isTrue();
        assertThat(banner.isOf("SMP Debian 5.10.223-1")).isFalse();
    }

    @Test
    void rejectsWhatIsNone() {
        for (String text : new String[] {"", "Linux version", "Linux version \n", "Linux version %s\n",
            "Linux version 5.10 (a) without an end", "Linux version 5.10 text (a)\n", "Linux version 5.10 (a) \u0001\n",
            "Windows version 10 (a)\n", "Linux version  (a)\n"}) {
            assertThat(parse(text)).as(text).isEmpty();
        }
    }
}
