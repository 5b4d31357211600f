// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Finds {@code init_task} in the kernel image: the name of the idle task, near which words point back to one place
 * before it. These are its parent, real parent and group leader, for {@code init_task} is its own. Only the image is
 * looked at, through the kernel's own tables: copies of an older kernel elsewhere in RAM are never met.
 */
final class InitTaskSearch {
    /** A place that may be {@code init_task}. */
    record Place(long gva, int name) {
    }

    /**
     * INIT_TASK_COMM, which is another one in kernels with a scheduler from elsewhere: Con Kolivas's BFS and MuQSS, and
     * Alfred Chen's PDS and BMQ. Kernels for more than one CPU add the CPU's number.
     */
    private static final byte[][] NAMES = Stream.of("swapper", "BFS", "MuQSS", "PDS", "BMQ")
            .flatMap(name -> Stream.of(name, name + "/0"))
            .map(name -> Arrays.copyOf(name.getBytes(StandardCharsets.ISO_8859_1), Snapshot.NAME_LENGTH))
            .toArray(byte[][]::new);
    /** Whether one of them begins with a byte: each byte of the image is asked. */
    private static final boolean[] BEGINS = begins();
    private static final int PAGE = 4096;
    /** No kernel's task_struct has its name further from its start, or its parent further after its name. In bytes. */
    private static final int FURTHEST_BEFORE = 16 << 10;
    private static final int FURTHEST_AFTER = 2 << 10;
    /** real_parent, parent and group_leader. */
    private static final int LEAST_VOTES = 3;
    /** Red Hat's kernels of that time, which have utrace, have one parent only. */
    private static final int LEAST_VOTES_OLD = 2;
    private static final int MOST_PLACES_OF_A_NAME = 32;
    private static final int MOST_NAMES = 64;
    private static final long LARGEST_IMAGE = 1L << 30;

    private final KernelMemory memory;

    InitTaskSearch(KernelMemory memory) {
        this.memory = memory;
    }

    /** All places; of those with the same name, the ones with the most words pointing back first. */
    List<Place> places() {
        List<Place> places = new ArrayList<>();
        int least = memory.before(2, 6, 29) ? LEAST_VOTES_OLD : LEAST_VOTES;
        for (long name : names()) {
            Map<Long, Integer> votes = votesFor(name);
            votes.entrySet().stream().filter(vote -> vote.getValue() >= least)
                    .sorted((a, b) -> b.getValue() - a.getValue()).limit(MOST_PLACES_OF_A_NAME)
                    .forEach(vote -> places.add(new Place(vote.getKey(), (int) (name - vote.getKey()))));
        }
        return places;
    }

    private List<Long> names() {
        List<Long> found = new ArrayList<>();
        long start = memory.kernel().imageStart() & -PAGE;
        long end = memory.kernel().imageEnd();
        if (end - start < 0 || end - start > LARGEST_IMAGE) {
            return found;
        }
        byte[] page = new byte[PAGE + Snapshot.NAME_LENGTH];
        for (long gva = start; gva != end && end - gva > 0; gva += PAGE) {
            int length = memory.copy(gva, page);
            if (length < PAGE) {
                continue;
            }
            for (int i = 0; i < PAGE && i + Snapshot.NAME_LENGTH <= length && found.size() < MOST_NAMES; i++) {
                if (BEGINS[page[i] & 0xff] && isIdleName(page, i)) {
                    found.add(gva + i);
                }
            }
        }
        return found;
    }

    private static boolean[] begins() {
        boolean[] begins = new boolean[256];
        for (byte[] name : NAMES) {
            begins[name[0]] = true;
        }
        return begins;
    }

    /** One of the names, and NULs to the name's full length. */
    private static boolean isIdleName(byte[] bytes, int at) {
        for (byte[] name : NAMES) {
            if (bytes[at] == name[0] && bytes[at + 1] == name[1]
                    && Arrays.equals(bytes, at, at + Snapshot.NAME_LENGTH, name, 0, Snapshot.NAME_LENGTH)) {
                return true;
            }
        }
        return false;
    }

    /** How many words around the name point to each place before it, not counting lists that are empty. */
    private Map<Long, Integer> votesFor(long name) {
        int pointer = memory.pointerSize();
        long start = Math.max(name - FURTHEST_BEFORE, memory.kernel().imageStart()) + pointer - 1 & -pointer;
        Snapshot around = memory.snapshot(start, (int) (name - start) + FURTHEST_AFTER);
        Map<Long, Integer> votes = new HashMap<>();
        for (int offset = 0; offset + pointer <= around.length(); offset += pointer) {
            long to = around.pointer(offset);
            long at = start + offset;
            if (to >= start && to < name && (to & pointer - 1) == 0 && to != at && to != at - pointer) {
                votes.merge(to, 1, Integer::sum);
            }
        }
        return votes;
    }
}
