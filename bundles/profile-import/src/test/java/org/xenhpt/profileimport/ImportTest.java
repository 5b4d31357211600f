// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Set;
import java.util.zip.GZIPOutputStream;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileImporter;

/** What the tests of all importers need. */
abstract class ImportTest {
    static final Duration SOON = Duration.ofSeconds(120);

    @TempDir
    Path folder;

    abstract ProfileImporter importer();

    Path file(String name, String content) {
        return file(name, content.getBytes(StandardCharsets.ISO_8859_1));
    }

    Path file(String name, byte[] content) {
        try {
            return Files.write(folder.resolve(name), content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Path gzip(String name, String content) throws IOException {
        Path path = folder.resolve(name);
        try (OutputStream out = new GZIPOutputStream(Files.newOutputStream(path))) {
            out.write(content.getBytes(StandardCharsets.ISO_8859_1));
        }
        return path;
    }

    static Needs symbols(String... names) {
        return new Needs(Set.of(names), Set.of());
    }

    static Needs members(String... names) {
        return new Needs(Set.of(), Set.of(names));
    }

    Profile read(Path path, Needs needs) {
        return assertTimeoutPreemptively(SOON, () -> importer().read(path, needs));
    }

    /** The import fails as it must: for the file, soon, naming it. */
    AbstractThrowableAssert<?, ? extends Throwable> failure(Path path, Needs needs) {
        return assertThatThrownBy(() -> read(path, needs)).isInstanceOfSatisfying(HptException.class, e -> {
            assertThat(e.reason()).isEqualTo(Reason.FILE);
            assertThat(e.subject()).startsWith(path.toString());
            assertThat(e.getMessage()).doesNotContain("null");
        });
    }
}
