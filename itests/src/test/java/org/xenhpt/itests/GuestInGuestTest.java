// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.ImageFormat;
import org.xenhpt.itests.guest.TestGuest;

/** A guest that has the memory of another one, of the same kernel build, in its page cache: its own tasks are shown. */
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class GuestInGuestTest {
    private static final GuestSpec SPEC = GuestSpec.of("bookworm-amd64");

    @TempDir
    Path folder;

    @Test
    void theOuterOneIsShown() throws IOException {
        Path inner = folder.resolve("inner");
        try (TestGuest guest = TestGuest.boot(SPEC)) {
            guest.stop();
            guest.image(inner, ImageFormat.RAW);
        }
        try (TestGuest guest = TestGuest.holding(inner, SPEC.memoryMiB(1024))) {
            var before = guest.list();
            var now = Hpt.run("ps", guest.uri(), "--json", "-T", "--no-cache").rows();
            new Agreement(before, guest.list(), true).check(now);
            assertThat(Hpt.run("identify", guest.uri(), "--explain", "--no-cache").out())
                    .containsPattern("VMCOREINFO of " + guest.release() + " +rejected +GPA 0x");
        }
    }
}
