// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/** Reads a file as text, and notes why when it cannot. */
final class TextFile {
    static final int LARGEST = 16 << 20;

    private TextFile() {
    }

    /** The whole text; empty, with a problem noted, when it cannot be read. */
    static Optional<String> read(Path file, Problems problems) {
        byte[] bytes;
        try {
            if (!Files.isRegularFile(file)) {
                // Opening a pipe would wait for a writer.
                problems.add(Files.isDirectory(file) ? "is a folder, not a file"
                        : Files.exists(file) ? "is not a regular file" : "no such file");
                return Optional.empty();
            }
            bytes = head(file, LARGEST + 1);
        } catch (AccessDeniedException e) {
            problems.add("cannot be read: permission denied");
            return Optional.empty();
        } catch (NoSuchFileException e) {
            problems.add("no such file");
            return Optional.empty();
        } catch (IOException e) {
            problems.add("cannot be read: " + e.getMessage());
            return Optional.empty();
        }
        if (bytes.length > LARGEST) {
            problems.add("is larger than " + (LARGEST >> 20) + " MiB, and so no profile");
            return Optional.empty();
        }
        return decode(bytes, problems);
    }

    /** At most so many bytes of the file's start. */
    static byte[] head(Path file, int length) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return in.readNBytes(length);
        }
    }

    private static Optional<String> decode(byte[] bytes, Problems problems) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(bytes.length);
        CoderResult result = decoder.decode(in, out, true);
        String text = out.flip().toString();
        if (result.isError()) {
            SafeYaml.Place place = SafeYaml.Place.of(text, text.length());
            problems.add(place.line(), place.column(), "is not UTF-8 text");
            return Optional.empty();
        }
        // Editors of other systems put a byte order mark there.
        return Optional.of(text.startsWith("\ufeff") ? text.substring(1) : text);
    }
}
