// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import com.sun.jna.Function;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.lang.ref.Cleaner;
import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/** {@code libxenforeignmemory}, whose interface is stable (Xen 4.8 and later). */
final class NativeForeignMemory implements ForeignMemory {
    private static final String LIBRARY = "libxenforeignmemory.so.1";
    private static final int PAGE = 4096;
    private static final int PROT_READ = 1;
    /** MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS, MAP_NORESERVE of x86 Linux. */
    private static final int EMPTY_IN_PLACE = 0x02 | 0x10 | 0x20 | 0x4000;
    private static final Cleaner CLEANER = Cleaner.create();
    private static final Logger LOG = LoggerFactory.getLogger(NativeForeignMemory.class);

    private final int domid;
    private final Function map;
    private final Function close;
    private final Function mmap = Function.getFunction("c", "mmap");
    private final Function munmap = Function.getFunction("c", "munmap");
    private final ToolLog log;
    private Pointer handle;

    /** @param subject what errors name */
    NativeForeignMemory(String subject, int domid) {
        this.domid = domid;
        NativeLibrary library;
        try {
            library = NativeLibrary.getInstance(LIBRARY);
        } catch (UnsatisfiedLinkError e) {
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, LIBRARY + " cannot be loaded", e)
                    .next("install it (Debian: apt install libxenforeignmemory1)");
        }
        map = library.getFunction("xenforeignmemory_map");
        close = library.getFunction("xenforeignmemory_close");
        log = ToolLog.open();
        handle = library.getFunction("xenforeignmemory_open").invokePointer(new Object[] {log.logger(), 0});
        if (handle == null) {
            int errno = Native.getLastError();
            log.close();
            throw Errno.isRefusal(errno) ? XenHost.notRoot(subject, "/dev/xen/privcmd")
                    : new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject,
                            "/dev/xen/privcmd cannot be opened (errno " + errno + ")");
        }
    }

    @Override
    public Mapping map(long[] gfns, int[] errors) throws MapFailure {
        if (handle == null) {
            throw new IllegalStateException("closed");
        }
        Pointer address = map.invokePointer(new Object[] {handle, domid, PROT_READ, (long) gfns.length, gfns, errors});
        if (address == null) {
            int errno = Native.getLastError();
            LOG.debug("mapping {} frames from 0x{}: errno {} {}", gfns.length, Long.toHexString(gfns[0]), errno,
                    log.take());
            throw new MapFailure(errno);
        }
        return new Mapped(address, gfns.length * PAGE);
    }

    @Override
    public void close() {
        if (handle != null) {
            close.invokeInt(new Object[] {handle});
            handle = null;
            log.close();
        }
    }

    private final class Mapped implements Mapping {
        private final Pointer address;
        private final long size;
        private final ByteBuffer bytes;
        private final Cleaner.Cleanable place;

        Mapped(Pointer address, int size) {
            this.address = address;
            this.size = size;
            this.bytes = address.getByteBuffer(0, size);
            this.place = CLEANER.register(bytes, new Unmap(munmap, address, size));
        }

        @Override
        public ByteBuffer bytes() {
            return bytes;
        }

        @Override
        public long address() {
            return Pointer.nativeValue(address);
        }

        @Override
        public void vacate() {
            // In one step, so that nothing else can come to lie here.
            Pointer there = mmap.invokePointer(new Object[] {address, size, PROT_READ, EMPTY_IN_PLACE, -1, 0L});
            if (!address.equals(there)) {
                LOG.warn("guest memory stays mapped at {}: errno {}", address, Native.getLastError());
            }
        }

        @Override
        public void unmap() {
            place.clean();
        }
    }

    /** Knows no buffer: what it cleans up after must not be held by it. */
    private record Unmap(Function munmap, Pointer address, long size) implements Runnable {
        @Override
        public void run() {
            munmap.invokeInt(new Object[] {address, size});
        }
    }
}
