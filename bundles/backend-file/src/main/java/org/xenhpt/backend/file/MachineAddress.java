// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.file;

import com.sun.jna.Native;
import java.nio.ByteBuffer;
import com.sun.jna.Pointer;

/** Where a direct buffer lies. In a class of its own, so that JNA is loaded by nobody who does not ask. */
final class MachineAddress {
    private MachineAddress() {
    }

    /** The machine address of the buffer's first byte, or 0 where JNA does not work. */
    static long of(ByteBuffer direct) {
        try {
            return Pointer.nativeValue(Native.getDirectBufferPointer(direct));
        } catch (LinkageError e) {
            return 0;
        }
    }
}
