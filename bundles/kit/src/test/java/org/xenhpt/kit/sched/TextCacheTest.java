// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit.sched;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.testkit.FakeMemory;
import org.xenhpt.testkit.FakePageTables;
import org.xenhpt.translation.X86Translator;

class TextCacheTest {
    private static final long TEXT = 0x5000;

    private final FakeMemory memory = new FakeMemory(1 << 20);
    private final AddressSpace space = open();
    private final TextCache cache = new TextCache();

    private AddressSpace open() {
        new FakePageTables(memory, PagingMode.LEVEL_4, 0x10000).map(0x5000, 0x5000, 0x2000, 0x1000);
        return new X86Translator().open(memory, PagingMode.LEVEL_4, 0x10000);
    }

    @Test
    void textsOfEveryLength() {
        String text = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-";
        for (int length = 0; length <= text.length(); length++) {
            memory.putString(TEXT, text.substring(0, length));
            for (int most = 1; most <= TextCache.LONGEST; most++) {
                assertThat(cache.get(space, TEXT, most)).isEqualTo(text.substring(0, Math.min(length, most)));
            }
        }
    }

    @Test
    void whatFollowsTheEndDoesNotCount() {
        memory.putBytes(TEXT, new byte[64]).putString(TEXT, "init");
        String clean = cache.get(space, TEXT, 16);
        for (int i = 5; i < 16; i++) {
            memory.putByte(TEXT + i, 'x');
        }
        assertThat(cache.get(space, TEXT, 16)).isEqualTo("init").isSameAs(clean);
    }

    @Test
    void aByteOfOneAfterTheEndAndBytesAbove127() {
        memory.putBytes(TEXT, (byte) 'a', (byte) 0, (byte) 1, (byte) 1, (byte) 0, (byte) 0, (byte) 0, (byte) 0);
        assertThat(cache.get(space, TEXT, 16)).isEqualTo("a");
        memory.putBytes(TEXT, (byte) 0x80, (byte) 1, (byte) 0x81, (byte) 0xff, (byte) 'b', (byte) 0);
        assertThat(cache.get(space, TEXT, 16)).isEqualTo("\\x80\u0001\\x81\\xffb");
    }

    @Test
    void moreTextsThanFit() {
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < 10_000; i++) {
                memory.putString(TEXT, "task " + i);
                assertThat(cache.get(space, TEXT, 16)).isEqualTo("task " + i);
            }
        }
    }
}
