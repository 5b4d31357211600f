// SPDX-License-Identifier: Apache-2.0
package ${package}.backend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.testkit.GuestCheck;

class MyBackendTest {
    private final MyBackend backend = new MyBackend();

    @TempDir
    private Path folder;

    private Guest open(Path file) {
        return backend.open(new GuestUri(backend.scheme(), file.toString()));
    }

    @Test
    void readsAGuestsMemory() throws IOException {
        FakeLinux linux = new FakeLinux(false);
        linux.process(1, linux.initTask(), 0, "init");
        Path file = folder.resolve("guest");
        linux.memory().writeTo(file);
        try (Guest guest = open(file)) {
            GuestCheck.check(guest, linux.memory());
        }
    }

    @Test
    void saysWhatIsWrong() throws IOException {
        refused(folder.resolve("missing"), Reason.NO_SUCH_GUEST);
        refused(Files.write(folder.resolve("short"), new byte[100]), Reason.UNREADABLE_GUEST);
    }

    private void refused(Path file, Reason reason) {
        assertThatExceptionOfType(HptException.class).isThrownBy(() -> open(file))
                .satisfies(e -> assertThat(e.reason()).isEqualTo(reason));
    }
}
