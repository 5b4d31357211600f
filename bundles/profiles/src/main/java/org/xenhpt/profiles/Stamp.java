// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;

/** What tells that a file is still as it was when it was read. */
record Stamp(long size, Instant modified, Object inode, Set<PosixFilePermission> permissions) {
    /** Who may write to a file decides whether it is read. */
    private static final Class<? extends BasicFileAttributes> KIND = FileSystems.getDefault().supportedFileAttributeViews()
            .contains("posix") ? PosixFileAttributes.class : BasicFileAttributes.class;

    /** Empty when there is no such file. */
    static Optional<Stamp> of(Path file) {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, KIND);
            return Optional.of(new Stamp(attributes.size(), attributes.lastModifiedTime().toInstant(),
                    attributes.fileKey() == null ? "" : attributes.fileKey(),
                    attributes instanceof PosixFileAttributes posix ? posix.permissions() : Set.of()));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    boolean isOlderThan(Duration age) {
        return modified.isBefore(Instant.now().minus(age));
    }
}
