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

    @Test
    void knowsUbuntusSignature() {
        String begin = "Linux version 3.13.0-24-generic (buildd@panlong) (gcc version 4.8.2 (Ubuntu 4.8.2-19ubuntu1) ) ";
        String version = "#46-Ubuntu SMP Thu Apr 10 19:11:08 UTC 2014";
        Banner ubuntu = parse(begin + version + " (Ubuntu 3.13.0-24.46-generic 3.13.9)\n\0").orElseThrow();
        assertThat(ubuntu.release()).isEqualTo("3.13.0-24-generic");
        assertThat(ubuntu.isOf(version)).isTrue();
        assertThat(ubuntu.isOf("#45-Ubuntu SMP Thu Apr 10 19:11:08 UTC 2014")).isFalse();
        assertThat(parse(begin + version + " ()\n\0").orElseThrow().isOf(version)).isTrue();
    }
}
