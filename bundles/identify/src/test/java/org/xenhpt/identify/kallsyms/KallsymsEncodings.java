// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify.kallsyms;

import java.util.List;
import org.xenhpt.identify.kallsyms.AddressTable.Encoding;
import org.xenhpt.identify.kallsyms.KallsymsBlob.Order;
import org.xenhpt.identify.kallsyms.KallsymsBlob.Symbol;

/** Tables as certain kernels have them, for tests of what stands on them. */
public final class KallsymsEncodings {
    private KallsymsEncodings() {
    }

    /** As x86-64 kernels 6.4 to 6.14 write them. */
    public static byte[] modern(List<Symbol> symbols, long start) {
        return KallsymsBlob.of(symbols, Order.ADDRESSES_LAST, Encoding.ABSOLUTE_PERCPU, start, 8, 8, 4).bytes();
    }
}
