// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A guest each of whose pages holds its frame number in its first 8 bytes. Notes what is mapped and in which order. */
final class FakeForeignMemory implements ForeignMemory {
    final Map<Long, Integer> errors = new HashMap<>();
    final List<String> log = new ArrayList<>();
    final List<Integer> calls = new ArrayList<>();
    final Set<FakeMapping> mapped = new HashSet<>();
    /** Calls for more pages than this fail as a whole. */
    int mostPages = Integer.MAX_VALUE;
    int failure;
    int allErrors;
    long mark;
    long nextAddress = 0x7000_0000_0000L;

    final class FakeMapping implements Mapping {
        final ByteBuffer bytes;
        final long address = nextAddress;

        FakeMapping(long[] gfns, int[] errors) {
            bytes = ByteBuffer.allocate(gfns.length * 4096).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < gfns.length; i++) {
                // Where nothing is mapped lies what nobody may see.
                bytes.putLong(i * 4096, errors[i] == 0 ? gfns[i] + mark : 0xbadL);
            }
            nextAddress += bytes.capacity();
        }

        @Override
        public ByteBuffer bytes() {
            return bytes;
        }

        @Override
        public long address() {
            return address;
        }

        @Override
        public void vacate() {
            give("vacate");
            for (int i = 0; i < bytes.capacity(); i += 8) {
                bytes.putLong(i, 0);
            }
        }

        @Override
        public void unmap() {
            give("unmap");
        }

        private void give(String how) {
            log.add(how);
            if (!mapped.remove(this)) {
                throw new IllegalStateException("given back twice");
            }
        }
    }

    @Override
    public Mapping map(long[] gfns, int[] pageErrors) throws MapFailure {
        log.add("map");
        calls.add(gfns.length);
        if (failure != 0 || gfns.length > mostPages) {
            throw new MapFailure(failure == 0 ? 12 : failure);
        }
        for (int i = 0; i < gfns.length; i++) {
            pageErrors[i] = allErrors != 0 ? -allErrors : -errors.getOrDefault(gfns[i], 0);
        }
        FakeMapping mapping = new FakeMapping(gfns, pageErrors);
        mapped.add(mapping);
        return mapping;
    }

    @Override
    public void close() {
        log.add("close");
    }
}
