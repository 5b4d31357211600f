// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.xenhpt.api.error.Reason;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.ImageFormat;
import org.xenhpt.itests.guest.TestGuest;

/**
 * 32-bit guests. Debian's i386 kernels carry neither BTF nor data symbols, so that nothing tells hpt their structures; it
 * identifies them, which needs their page tables to be walked.
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

    @ParameterizedTest
    @EnumSource(names = {"RAW", "ELF", "KDUMP", "LIME"})
    void identifiesAnImage(ImageFormat format, @TempDir Path folder) throws IOException {
        Path image = folder.resolve("image");
        guest.stop();
        try {
            guest.image(image, format);
        } finally {
            guest.resume();
        }
        Identity.of("file:" + image).check(guest, "i386", paging());
        Files.delete(image);
    }

    @Test
    void saysWhyItCannotListTheProcesses() {
        Hpt.Result result = Hpt.run("ps", guest.uri());
        assertThat(result.exitCode()).as("exit code of %s", result)
                .isIn(Reason.NO_PROFILE.exitCode(), Reason.NO_DECODER.exitCode());
        assertThat(result.out()).isEmpty();
        assertThat(result.err()).contains("6.1.0").doesNotContain("Exception", "\tat ");
    }
}
