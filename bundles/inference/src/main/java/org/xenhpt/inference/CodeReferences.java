// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * How often the kernel's code reads which place, by the few forms of instructions in which compilers read a per-CPU
 * variable, an array indexed by the CPU, and a variable on a kernel for one CPU (Intel SDM volume 2, 2.1.5): of the
 * thousands of places, the one that holds the running task is read by far most often.
 */
final class CodeReferences {
    /** Segment override prefixes: i386's kernel has its per-CPU data at FS, x86-64's at GS. */
    private static final int FS = 0x64;
    private static final int GS = 0x65;
    private static final int ADD = 0x03;
    private static final int MOV = 0x8b;
    /** MOV EAX, moffs32. */
    private static final int MOV_EAX = 0xa1;
    /** REX.W, on which the low three bits add registers. */
    private static final int REX_WIDE = 0x48;
    private static final int CHUNK = 256 << 10;
    /** No instruction looked for is longer. */
    private static final int LONGEST = 16;
    /** The text begins the image; where so many instructions were met and none for so long, it is over. */
    private static final int ENOUGH = 1000;
    private static final int GONE_AFTER = 4 << 20;
    private static final long LARGEST_IMAGE = 1L << 30;
    /** A guest that means to fill our memory gets no more places than a kernel has. */
    private static final int MOST_PLACES = 1 << 18;

    private final KernelMemory memory;
    private final boolean wide;
    private final Map<Long, Integer> perCpu = new HashMap<>();
    private final Map<Long, Integer> arrays = new HashMap<>();
    private final Map<Long, Integer> plain = new HashMap<>();
    private final byte[] bytes = new byte[CHUNK + LONGEST];

    private CodeReferences(KernelMemory memory) {
        this.memory = memory;
        this.wide = memory.pointerSize() == 8;
    }

    /** Reads the image of a kernel. */
    static CodeReferences of(KernelMemory memory) {
        CodeReferences references = new CodeReferences(memory);
        references.read();
        return references;
    }

    /** A place that code reads: its GVA, or its distance from the segment's base. */
    record Place(long at, int count) {
    }

    /** Places relative to the segment of a CPU's own data, the one most read first. */
    List<Place> perCpu() {
        return ordered(perCpu);
    }

    /** Where arrays of pointers or longs begin. */
    List<Place> arrays() {
        return ordered(arrays);
    }

    /** Places of the image read as any variable is. */
    List<Place> plain() {
        return ordered(plain);
    }

    private static List<Place> ordered(Map<Long, Integer> counts) {
        return counts.entrySet().stream().filter(e -> e.getValue() > 1).map(e -> new Place(e.getKey(), e.getValue()))
                .sorted(Comparator.comparingInt(Place::count).reversed().thenComparingLong(Place::at)).toList();
    }

    private void read() {
        long start = memory.kernel().imageStart() & -4096;
        long end = memory.kernel().imageEnd();
        if (end - start < 0 || end - start > LARGEST_IMAGE) {
            return;
        }
        long met = 0;
        long last = start;
        // Where the image of an i386 kernel begins may not be known.
        for (long gva = start; end - gva > 0 && (!wide || met < ENOUGH || gva - last < GONE_AFTER); gva += CHUNK) {
            int length = read(gva, (int) Math.min(CHUNK + LONGEST, end - gva));
            int here = wide ? wide(gva, length) : narrow(length);
            met += here;
            last = here > 0 ? gva : last;
        }
    }

    /** Pages that are not there, such as those of the init sections, read as 0. */
    private int read(long gva, int length) {
        int done = 0;
        while (done < length) {
            byte[] page = new byte[Math.min(4096 - (int) (gva + done & 4095), length - done)];
            memory.copy(gva + done, page);
            System.arraycopy(page, 0, bytes, done, page.length);
            done += page.length;
        }
        return length;
    }

    private static void count(Map<Long, Integer> counts, long place) {
        if (counts.size() < MOST_PLACES || counts.containsKey(place)) {
            counts.merge(place, 1, Integer::sum);
        }
    }

    private int at(int index) {
        return bytes[index] & 0xff;
    }

    /** Four bytes of displacement. */
    private int displacement(int index) {
        return at(index) | at(index + 1) << 8 | at(index + 2) << 16 | bytes[index + 3] << 24;
    }

    /** A ModRM byte of mod 0 with this r/m, whatever the register. */
    private boolean isModRm(int index, int rm) {
        return (bytes[index] & 0xc7) == rm;
    }

    private int wide(long gva, int length) {
        int met = 0;
        for (int i = 0; i + LONGEST <= length && i < CHUNK; i++) {
            int first = at(i);
            if (first == GS && (at(i + 1) & 0xfb) == REX_WIDE && isLoad(at(i + 2))) {
                if (isModRm(i + 3, 4) && at(i + 4) == 0x25) {
                    // Absolute, by a SIB byte without base and index.
                    count(perCpu, displacement(i + 5));
                    met++;
                } else if (isModRm(i + 3, 5)) {
                    count(perCpu, gva + i + 8 + displacement(i + 4));
                    met++;
                }
            } else if ((first & 0xf8) == REX_WIDE && isLoad(at(i + 1))) {
                // Scaled by 8, without a base.
                if (isModRm(i + 2, 4) && (at(i + 3) & 0xc7) == 0xc5) {
                    count(arrays, displacement(i + 4));
                } else if (isModRm(i + 2, 4) && at(i + 3) == 0x25) {
                    count(plain, displacement(i + 4));
                } else if (isModRm(i + 2, 5) && at(i + 1) == MOV) {
                    count(plain, gva + i + 7 + displacement(i + 3));
                }
            }
        }
        return met;
    }

    private int narrow(int length) {
        int met = 0;
        for (int i = 0; i + LONGEST <= length && i < CHUNK; i++) {
            int first = at(i);
            boolean segment = first == FS;
            int op = segment ? i + 1 : i;
            int code = segment ? at(op) : first;
            if (code == MOV_EAX || isLoad(code) && isModRm(op + 1, 5)) {
                count(segment ? perCpu : plain, displacement(code == MOV_EAX ? op + 1 : op + 2) & 0xffffffffL);
                met++;
                // What follows the prefix would be taken for an instruction of its own.
                i = op;
            } else if (!segment && isLoad(code) && isModRm(i + 1, 4) && (at(i + 2) & 0xc7) == 0x85) {
                count(arrays, displacement(i + 3) & 0xffffffffL);
            }
        }
        return met;
    }

    private static boolean isLoad(int code) {
        return code == MOV || code == ADD;
    }
}
