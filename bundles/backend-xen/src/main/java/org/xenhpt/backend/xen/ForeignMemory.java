// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.nio.ByteBuffer;

/** Maps memory of one guest into this process, to read it. */
interface ForeignMemory extends AutoCloseable {
    /** Pages of the guest that lie one after the other in this process. */
    interface Mapping {
        /** All pages, from index 0. One that could not be mapped must not be touched. */
        ByteBuffer bytes();

        /** Where they begin in this process. */
        long address();

        /**
         * Gives the guest's pages back now, and has empty memory in their place for as long as somebody still holds the
         * bytes: reading what is not mapped would end this process.
         */
        void vacate();

        /** Gives the pages and their place back. Only when the bytes were not given to anybody. */
        void unmap();
    }

    /** Nothing was mapped. */
    final class MapFailure extends Exception {
        private static final long serialVersionUID = 1L;
        private final int errno;

        MapFailure(int errno) {
            super("errno " + errno);
            this.errno = errno;
        }

        int errno() {
            return errno;
        }
    }

    /**
     * Maps pages.
     *
     * @param gfns   at most some hundreds
     * @param errors gets, for each, 0 or a negative errno
     */
    Mapping map(long[] gfns, int[] errors) throws MapFailure;

    /** Ends mapping. What is mapped stays. */
    @Override
    void close();
}
