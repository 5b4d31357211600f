// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;

class XenStoreClientTest {
    private final Daemon daemon = new Daemon();
    private final XenStoreClient client = new XenStoreClient("xen:", daemon);

    /** Notes what is asked and sends what it was given, a few bytes at a time. */
    private static final class Daemon implements ByteChannel {
        final List<String> asked = new ArrayList<>();
        private ByteBuffer answers = ByteBuffer.allocate(0);

        void answer(int type, int request, String text) {
            byte[] body = text.getBytes(StandardCharsets.UTF_8);
            header(type, request, body.length, body);
        }

        void header(int type, int request, int length, byte[] body) {
            ByteBuffer more = ByteBuffer.allocate(answers.remaining() + 16 + body.length)
                    .order(ByteOrder.LITTLE_ENDIAN);
            answers = more.put(answers).putInt(type).putInt(request).putInt(0).putInt(length).put(body).flip();
        }

        @Override
        public int read(ByteBuffer to) {
            if (!answers.hasRemaining()) {
                return -1;
            }
            int count = Math.min(3, Math.min(to.remaining(), answers.remaining()));
            to.put(answers.slice(answers.position(), count));
            answers.position(answers.position() + count);
            return count;
        }

        @Override
        public int write(ByteBuffer from) {
            ByteBuffer message = from.order(ByteOrder.LITTLE_ENDIAN);
            int type = message.getInt();
            message.position(message.position() + 8);
            byte[] text = new byte[message.getInt()];
            message.get(text);
            asked.add(type + " " + new String(text, StandardCharsets.UTF_8).replace('\0', '|'));
            return 16 + text.length;
        }

        @Override
        public boolean isOpen() {
            return true;
        }

        @Override
        public void close() {
            asked.add("close");
        }
    }

    private static void fails(Runnable work, String text) {
        assertThatThrownBy(work::run).isInstanceOfSatisfying(HptException.class, e -> {
            assertThat(e.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
            assertThat(e).hasMessageContaining(text);
        });
    }

    @Test
    void asksAndReads() {
        daemon.answer(1, 1, "0\0007\0");
        daemon.answer(2, 2, "web");
        daemon.answer(17, 3, "T\0");
        daemon.answer(17, 4, "F\0");
        assertThat(client.directory("/local/domain")).containsExactly("0", "7");
        assertThat(client.read("/local/domain/7/name")).contains("web");
        assertThat(client.introduced(7)).isTrue();
        assertThat(client.introduced(8)).isFalse();
        client.close();
        assertThat(daemon.asked).containsExactly("1 /local/domain|", "2 /local/domain/7/name|", "17 7|", "17 8|",
                "close");
    }

    @Test
    void whatIsNotThereIsEmpty() {
        daemon.answer(16, 1, "ENOENT\0");
        daemon.answer(16, 2, "ENOENT\0");
        assertThat(client.directory("/none")).isEmpty();
        assertThat(client.read("/none")).isEmpty();
    }

    @Test
    void otherErrorsAreToldAndTheConnectionGoesOn() {
        daemon.answer(16, 1, "EACCES\0");
        daemon.answer(2, 2, "x");
        assertThatThrownBy(() -> client.read("/a")).isInstanceOf(HptException.class).hasMessageContaining("EACCES");
        assertThat(client.read("/b")).contains("x");
    }

    @Test
    void eventsAreSkipped() {
        daemon.answer(15, 0, "@releaseDomain\0token\0");
        daemon.answer(2, 1, "x");
        assertThat(client.read("/a")).contains("x");
    }

    @Test
    void longDirectoriesComeInParts() {
        daemon.answer(16, 1, "E2BIG\0");
        daemon.answer(22, 2, "5\0001\00022\000");
        // It changed: from the start again.
        daemon.answer(22, 3, "6\000333\000");
        daemon.answer(22, 4, "6\0001\00022\000");
        daemon.answer(22, 5, "6\000333\000\000");
        assertThat(client.directory("/d")).containsExactly("1", "22", "333");
        assertThat(daemon.asked).containsExactly("1 /d|", "22 /d|0|", "22 /d|5|", "22 /d|0|", "22 /d|5|");
    }

    @Test
    void aDirectoryThatNeverEndsIsGivenUp() {
        daemon.answer(16, 1, "E2BIG\0");
        for (int i = 0; i < 1001; i++) {
            daemon.answer(22, i + 2, i + "\000a\000");
        }
        fails(() -> client.directory("/d"), "changes all the time");
    }

    @Test
    void liesOfTheDaemonAreRefused() {
        daemon.header(2, 1, Integer.MAX_VALUE, new byte[0]);
        fails(() -> client.read("/a"), "a message of 2147483647 bytes");
        fails(() -> client.read("/a"), "an error before");
        Daemon other = new Daemon();
        other.header(2, 1, -1, new byte[0]);
        fails(() -> new XenStoreClient("xen:", other).read("/a"), "a message of -1 bytes");
        Daemon late = new Daemon();
        late.answer(2, 9, "x");
        fails(() -> new XenStoreClient("xen:", late).read("/a"), "another question");
        fails(() -> new XenStoreClient("xen:", new Daemon()).read("/a"), "closed the connection");
        Daemon noisy = new Daemon();
        for (int i = 0; i < 1000; i++) {
            noisy.answer(15, 0, "e");
        }
        fails(() -> new XenStoreClient("xen:", noisy).read("/a"), "no answer");
    }
}
