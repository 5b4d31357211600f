// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.LocalDate;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.profile.Origin;

/** A file to import from: opened with care, and named in every error. */
final class SourceFile {
    private static final int HEAD = 4096;

    private final Path path;

    SourceFile(Path path) {
        this.path = path;
    }

    Path path() {
        return path;
    }

    String name() {
        return path.getFileName() == null ? path.toString() : path.getFileName().toString();
    }

    /** The name without {@code .gz}, and without the endings given. */
    String plainName(String... endings) {
        String name = name().endsWith(".gz") ? name().substring(0, name().length() - 3) : name();
        for (String ending : endings) {
            if (name.endsWith(ending)) {
                return name.substring(0, name.length() - ending.length());
            }
        }
        return name;
    }

    Origin origin(String format, String note) {
        return new Origin(format, name() + note, LocalDate.now(Clock.systemUTC()).toString());
    }

    /**
     * The content, unpacked if it is gzip.
     *
     * @param limit of the unpacked content, in bytes: who reads past it gets an {@link IOException}
     */
    InputStream open(long limit) {
        try {
            // Opening a pipe would wait for a writer.
            if (Files.exists(path) && !Files.isRegularFile(path)) {
                throw bad("is not a regular file");
            }
            return open(Files.newInputStream(path), limit);
        } catch (IOException e) {
            throw bad(e);
        }
    }

    private InputStream open(InputStream file, long limit) throws IOException {
        try {
            BufferedInputStream in = new BufferedInputStream(file, 1 << 16);
            in.mark(2);
            boolean gzip = in.read() == 0x1f && in.read() == 0x8b;
            in.reset();
            return new BoundedStream(gzip ? new GZIPInputStream(in, 1 << 16) : in, limit);
        } catch (IOException e) {
            file.close();
            throw e;
        }
    }

    /** The first bytes of the content; none when it cannot be read. */
    byte[] head() {
        if (!Files.isRegularFile(path)) {
            return new byte[0];
        }
        try (InputStream in = open(Long.MAX_VALUE)) {
            return in.readNBytes(HEAD);
        } catch (IOException | HptException e) {
            return new byte[0];
        }
    }

    HptException bad(String what) {
        return new HptException(Step.PROFILE, Reason.FILE, path.toString(), what);
    }

    /** @param where a place in the file, such as a line's number or an entry and a line */
    HptException bad(String where, String what) {
        return new HptException(Step.PROFILE, Reason.FILE, path + ":" + where, what);
    }

    HptException bad(IOException e) {
        String what = e instanceof NoSuchFileException ? "no such file"
                : e instanceof AccessDeniedException ? "cannot be read: permission denied"
                : e instanceof EOFException ? "is cut off: " + e.getMessage()
                : e instanceof ZipException ? "is damaged: " + e.getMessage()
                : "cannot be read: " + e.getMessage();
        return new HptException(Step.PROFILE, Reason.FILE, path.toString(), what, e);
    }
}
