// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/** The files of profiles, by the names people give. */
final class ProfileFiles {
    private static final int LONGEST_NAME = 120;

    private ProfileFiles() {
    }

    /** The file itself, or the profiles of a folder. */
    static List<Path> at(Path path) {
        if (!Files.isDirectory(path)) {
            if (!Files.isRegularFile(path)) {
                throw new HptException(Step.PROFILE, Reason.FILE, path.toString(), "no such file or folder");
            }
            return List.of(path);
        }
        try (Stream<Path> files = Files.list(path)) {
            return files.filter(file -> file.toString().endsWith(".yaml") || file.toString().endsWith(".yml")).sorted()
                    .toList();
        } catch (IOException e) {
            throw new HptException(Step.PROFILE, Reason.FILE, path.toString(), "cannot be listed: " + e.getMessage(), e);
        }
    }

    /** A file name for a release. A guest chooses its release: nothing but plain characters gets into the name. */
    static String nameFor(String release) {
        String plain = release.replaceAll("[^A-Za-z0-9._+~-]", "_").replaceFirst("^[.-]+", "_");
        return plain.substring(0, Math.min(LONGEST_NAME, plain.length())) + ".yaml";
    }
}
