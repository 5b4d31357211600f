// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/**
 * The bytes of an image, as its format's specification numbers them. All offsets and lengths come from the image itself
 * and are checked here.
 */
abstract sealed class ImageBytes permits MappedFile, FlattenedFile {
    private final Path path;

    ImageBytes(Path path) {
        this.path = path;
    }

    /** The file, absolute. */
    final Path path() {
        return path;
    }

    /** The image's size in bytes. */
    abstract long size();

    /**
     * Copies {@code length} bytes from offset {@code at}.
     *
     * @return how many there are before the image ends, at most {@code length}
     */
    abstract int read(long at, byte[] to, int offset, int length);

    /**
     * Checks that the file is still as long as it was.
     *
     * @throws HptException {@code GUEST_GONE} when it is not, or was closed
     */
    abstract void check();

    abstract void close();

    /** Whether the image reaches from {@code at} over {@code length} bytes, both taken as unsigned. */
    final boolean reaches(long at, long length) {
        return at >= 0 && length >= 0 && at <= size() && length <= size() - at;
    }

    /**
     * Exactly {@code length} bytes from offset {@code at}, little-endian.
     *
     * @param what names them in the message when the image is too short
     */
    final ByteBuffer need(long at, int length, String what) {
        if (!reaches(at, length)) {
            throw truncated(what, at, length);
        }
        byte[] bytes = new byte[length];
        if (read(at, bytes, 0, length) < length) {
            throw truncated(what, at, length);
        }
        return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** As {@link #truncated} unless the image reaches that far. */
    final void require(String what, long at, long length) {
        if (!reaches(at, length)) {
            throw truncated(what, at, length);
        }
    }

    final HptException truncated(String what, long at, long length) {
        return unreadable(what + " should lie at offset 0x" + Long.toHexString(at) + ", 0x" + Long.toHexString(length)
                + " bytes, and the image ends at 0x" + Long.toHexString(size()))
                .next("the image is truncated or damaged: copy it again, or make it again");
    }

    /** The image is there and cannot be used. */
    final HptException unreadable(String detail) {
        return new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, path.toString(), detail);
    }
}
