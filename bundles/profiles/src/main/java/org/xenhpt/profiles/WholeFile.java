// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.ThreadLocalRandom;

/** Writes a file so that whoever reads it sees all of it or what was there before. */
final class WholeFile {
    private WholeFile() {
    }

    /**
     * @param permissions the file's, whatever the umask: what others may write to would be refused when it is read
     * @param lasting     whether the text is to outlast a crash of the host; that takes time
     */
    static void write(Path file, String text, String permissions, boolean lasting) throws IOException {
        Path temporary = file.resolveSibling("." + file.getFileName() + "."
                + Long.toHexString(ThreadLocalRandom.current().nextLong()) + ".tmp");
        try {
            try (FileChannel channel = FileChannel.open(temporary, StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE)) {
                try {
                    Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString(permissions));
                } catch (UnsupportedOperationException e) {
                    // A file system without such permissions.
                }
                ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
                while (bytes.hasRemaining()) {
                    channel.write(bytes);
                }
                if (lasting) {
                    // Else a crash could leave the new name with nothing behind it.
                    channel.force(true);
                }
            }
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            try {
                Files.deleteIfExists(temporary);
            } catch (IOException leftBehind) {
                e.addSuppressed(leftBehind);
            }
            throw e;
        }
    }
}
