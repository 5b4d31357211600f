// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/**
 * A file read where it is mapped. Maps lazily, read-only, 1 GiB at a time, a new map every 512 MiB: so any stretch of
 * up to {@link #STRIDE} bytes lies inside one map wherever it begins, and an image of thousands of extents needs no
 * more maps than its size does.
 *
 * <p>A file that is truncated by another process while it is mapped: HotSpot throws {@link InternalError}
 * at whoever reads the pages that are gone, and may throw it a few instructions later, so that it cannot be caught
 * where it arises. Hence {@link #check()}, which is called before each page that is copied and at the begin of each
 * reading.
 */
final class MappedFile extends ImageBytes {
    /** The longest {@link #slice}, in bytes. */
    static final int STRIDE = 1 << 29;
    private static final int MAP = 1 << 30;
    /** Beyond any machine's memory: a sparse file that claims more would cost us tables in proportion. */
    private static final long MAX_SIZE = 1L << 48;

    private final RandomAccessFile file;
    private final long size;
    private MappedByteBuffer[] maps;

    private MappedFile(Path path, RandomAccessFile file, long size) {
        super(path);
        this.file = file;
        this.size = size;
        this.maps = new MappedByteBuffer[(int) ((size + STRIDE - 1) / STRIDE)];
    }

    static MappedFile open(Path path) throws IOException {
        RandomAccessFile file = new RandomAccessFile(path.toFile(), "r");
        long size;
        try {
            size = file.length();
        } catch (IOException e) {
            file.close();
            throw e;
        }
        if (size > MAX_SIZE) {
            file.close();
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, path.toString(),
                    "a file of " + size + " bytes is no memory image: x86 machines have less memory");
        }
        return new MappedFile(path, file, size);
    }

    @Override
    long size() {
        return size;
    }

    /** The bytes from offset {@code at}, at most {@link #STRIDE}, inside the file; not copied. */
    ByteBuffer slice(long at, int length) {
        int number = (int) (at / STRIDE);
        return map(number).slice((int) (at - (long) number * STRIDE), length);
    }

    @Override
    int read(long at, byte[] to, int offset, int length) {
        int done = 0;
        int wanted = at < 0 || at >= size ? 0 : (int) Math.min(length, size - at);
        try {
            while (done < wanted) {
                int number = (int) ((at + done) / STRIDE);
                MappedByteBuffer map = map(number);
                int from = (int) (at + done - (long) number * STRIDE);
                int part = Math.min(wanted - done, map.limit() - from);
                map.get(from, to, offset + done, part);
                done += part;
            }
        } catch (InternalError e) {
            throw gone(e);
        }
        return done;
    }

    private MappedByteBuffer map(int number) {
        if (maps == null) {
            throw closed();
        }
        MappedByteBuffer map = maps[number];
        if (map == null) {
            map = newMap(number);
            maps[number] = map;
        }
        return map;
    }

    private MappedByteBuffer newMap(int number) {
        long at = (long) number * STRIDE;
        // An interrupted thread would find the channel closed by its own call, for good (InterruptibleChannel).
        boolean interrupted = Thread.interrupted();
        try {
            check();
            return file.getChannel().map(FileChannel.MapMode.READ_ONLY, at, Math.min(MAP, size - at));
        } catch (IOException | OutOfMemoryError e) {
            // FileChannel.map reports a full address space or map count as either of the two.
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, path().toString(),
                    "cannot be mapped at offset 0x" + Long.toHexString(at) + ": " + e.getMessage(), e)
                    .next("look at ulimit -v and vm.max_map_count");
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    void check() {
        if (maps == null) {
            throw closed();
        }
        try {
            // Not the channel's size(), which an interrupt would close.
            if (file.length() < size) {
                throw gone(null);
            }
        } catch (IOException e) {
            throw gone(e);
        }
    }

    private HptException gone(Throwable cause) {
        return new HptException(Step.BACKEND, Reason.GUEST_GONE, path().toString(),
                "the file became shorter, or failed to be read, while it was in use", cause)
                .next("leave an image alone while it is read");
    }

    private HptException closed() {
        return new HptException(Step.BACKEND, Reason.GUEST_GONE, path().toString(), "the image was closed");
    }

    /** The maps themselves go when they are collected: unmapping under a reader's feet would crash the JVM. */
    @Override
    void close() {
        maps = null;
        try {
            file.close();
        } catch (IOException e) {
            // Nothing was written, so nothing is lost.
            return;
        }
    }
}
