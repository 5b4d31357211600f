// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import com.sun.jna.Function;
import com.sun.jna.Native;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.guest.MemoryWindow;

/** A file that QEMU maps as the guest's RAM, shared, and that we map too: what the guest writes is seen at once. */
final class SharedFile implements AutoCloseable {
    private static final int CHUNK_BITS = 30;
    /** The greatest window, and a multiple of every huge page size, as mappings of hugetlbfs need. */
    private static final long CHUNK = 1L << CHUNK_BITS;
    private static final int READ_PART = 1 << 20;
    private static final long RELEASE_AFTER_MILLIS = 1000;
    private static final Logger LOG = LoggerFactory.getLogger(SharedFile.class);

    private static final int PROT_READ = 1;
    /** MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS, MAP_NORESERVE of x86 Linux. */
    private static final int EMPTY_IN_PLACE = 0x02 | 0x10 | 0x20 | 0x4000;

    private final Path path;
    private final RandomAccessFile file;
    private final List<MappedByteBuffer> chunks = new ArrayList<>();
    private final int firstChunk;

    /**
     * Maps a part of the file.
     *
     * @param path of a file that is known to be the one QEMU has mapped
     * @param from offset of the first byte needed
     * @param to   offset after the last byte needed
     * @throws IOException when it cannot be opened or mapped, or is shorter
     */
    SharedFile(Path path, long from, long to) throws IOException {
        this.path = path;
        this.file = new RandomAccessFile(path.toFile(), "r");
        this.firstChunk = Math.toIntExact(from >> CHUNK_BITS);
        try {
            long size = file.length();
            if (to > size) {
                throw new IOException("the file has " + size + " bytes, the guest's RAM needs " + to);
            }
            FileChannel channel = file.getChannel();
            for (long start = from & -CHUNK; start < to; start += CHUNK) {
                chunks.add(channel.map(FileChannel.MapMode.READ_ONLY, start, Math.min(CHUNK, size - start)));
            }
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** Where in the windows of a stretch that begins at {@code at} the byte is that lies {@code distance} after. */
    static int windowIndex(long at, long distance) {
        return (int) ((at + distance >> CHUNK_BITS) - (at >> CHUNK_BITS));
    }

    /**
     * The windows that together show a stretch of RAM.
     *
     * @param gpa  GPA of its first byte, page-aligned
     * @param size in bytes
     * @param at   where it begins in the file
     */
    MemoryWindow[] windows(long gpa, long size, long at) {
        MemoryWindow[] windows = new MemoryWindow[windowIndex(at, size - 1) + 1];
        for (int i = 0; i < windows.length; i++) {
            long chunkStart = (at & -CHUNK) + i * CHUNK;
            long begin = Math.max(at, chunkStart);
            long end = Math.min(at + size, chunkStart + CHUNK);
            ByteBuffer chunk = chunks.get((int) (chunkStart >> CHUNK_BITS) - firstChunk);
            windows[i] = new MemoryWindow(gpa + begin - at,
                    chunk.slice((int) (begin - chunkStart), (int) (end - begin)));
        }
        return windows;
    }

    /** Copies bytes of the file, past the mapping. Returns how many were read before the first that could not. */
    int read(long at, byte[] to, int offset, int length) {
        try {
            // Touching a hole of a file on tmpfs through the mapping would fill it with a page; this does not.
            file.seek(at);
            int done = 0;
            while (done < length) {
                int part = file.read(to, offset + done, Math.min(length - done, READ_PART));
                if (part <= 0) {
                    break;
                }
                done += part;
            }
            return done;
        } catch (IOException e) {
            LOG.warn("cannot read guest RAM from {} at {}: {}", path, at, e.getMessage());
            return 0;
        }
    }

    /**
     * Gives the guest's memory back without waiting for the garbage collector: it puts empty memory over the mappings,
     * so that a window used too late reads zeros, where an unmapped one would end this process. A little later, since a
     * process that ends now gives all back anyway, and need not load native code for it.
     */
    @Override
    public void close() {
        try {
            file.close();
        } catch (IOException e) {
            LOG.debug("closing {}: {}", path, e.getMessage());
        }
        List<MappedByteBuffer> mappings = List.copyOf(chunks);
        chunks.clear();
        Thread release = new Thread(() -> {
            try {
                Thread.sleep(RELEASE_AFTER_MILLIS);
            } catch (InterruptedException e) {
                // Then at once.
            }
            mappings.forEach(SharedFile::release);
        }, "qemu-ram-release");
        release.setDaemon(true);
        release.start();
    }

    private static void release(MappedByteBuffer mapping) {
        try {
            Function.getFunction("c", "mmap").invokePointer(new Object[] {Native.getDirectBufferPointer(mapping),
                    (long) mapping.capacity(), PROT_READ, EMPTY_IN_PLACE, -1, 0L});
        } catch (LinkageError | RuntimeException e) {
            LOG.debug("guest RAM stays mapped until it is garbage-collected: {}", e.toString());
        }
    }
}
