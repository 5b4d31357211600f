// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * A copy of the bytes from a GVA on: of a task, most often. All offsets of one structure are judged on the same copy,
 * so that a guest that changes meanwhile contradicts itself less. Bytes that could not be read are 0.
 */
final class Snapshot {
    private static final VarHandle INTS = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    /** TASK_COMM_LEN, which prctl(PR_GET_NAME) makes part of the kernel's interface. */
    static final int NAME_LENGTH = 16;

    private final long gva;
    private final byte[] bytes;
    private final int length;
    private final int pointerSize;

    /** @param length how many of the bytes could be read */
    Snapshot(long gva, byte[] bytes, int length, int pointerSize) {
        this.gva = gva;
        this.bytes = bytes;
        this.length = length;
        this.pointerSize = pointerSize;
    }

    long gva() {
        return gva;
    }

    /** How many bytes could be read. */
    int length() {
        return length;
    }

    int int32(int offset) {
        return (int) INTS.get(bytes, offset);
    }

    long int64(int offset) {
        return (long) LONGS.get(bytes, offset);
    }

    /** A pointer or {@code unsigned long}, zero-extended. */
    long pointer(int offset) {
        return pointerSize == 4 ? int32(offset) & 0xffffffffL : int64(offset);
    }

    /** The text at an offset up to its NUL, as single bytes; all of {@code most} bytes when there is none. */
    String text(int offset, int most) {
        int end = Math.min(offset + most, length);
        int at = offset;
        while (at < end && bytes[at] != 0) {
            at++;
        }
        return at <= offset ? "" : new String(bytes, offset, at - offset, StandardCharsets.ISO_8859_1);
    }

    /** Whether there is a name at an offset: text that ends within a name's length. */
    boolean isName(int offset) {
        if (offset < 0 || offset + NAME_LENGTH > length || bytes[offset] == 0) {
            return false;
        }
        return text(offset, NAME_LENGTH).length() < NAME_LENGTH;
    }

    /** Whether there is a name of ASCII letters and signs at an offset. */
    boolean isPlainName(int offset) {
        return isName(offset) && text(offset, NAME_LENGTH).chars().allMatch(c -> c >= ' ' && c <= '~');
    }
}
