// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.stream.Stream;

/** A copy of the distribution, to change as one likes. */
final class Distribution {
    private Distribution() {
    }

    static Path copyTo(Path home) throws IOException {
        try (Stream<Path> files = Files.walk(Hpt.home())) {
            for (Path file : files.toList()) {
                Path relative = Hpt.home().relativize(file);
                if (!relative.startsWith("cache")) {
                    Files.copy(file, home.resolve(relative.toString()), StandardCopyOption.COPY_ATTRIBUTES);
                }
            }
        }
        // Its archive of loaded classes would be of no use.
        Files.createDirectory(home.resolve("cache"));
        Files.setPosixFilePermissions(home.resolve("deploy"), PosixFilePermissions.fromString("rwxr-xr-x"));
        return home;
    }
}
