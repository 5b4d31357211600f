// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.guest;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/**
 * A task, by the guest's own {@code /proc}.
 *
 * @param tid        the task's id
 * @param pid        its process's id
 * @param ppid       its parent's process id
 * @param state      ps's letter
 * @param euid       effective user id
 * @param startTicks when it began, in clock ticks from boot
 * @param cpuTicks   its CPU time in clock ticks
 * @param switches   how often it was switched away from: it did not run while this stays
 * @param name       bytes that are not UTF-8 written {@code \xNN}
 */
public record GuestTask(int tid, int pid, int ppid, char state, long euid, long startTicks, long cpuTicks,
        long switches, String name) {
    static GuestTask parse(String line) {
        String[] f = line.split(" ");
        if (f.length != 9 || f[3].length() != 1) {
            throw new IllegalArgumentException("not a task: " + line);
        }
        byte[] name = f[8].equals("-") ? new byte[0] : HexFormat.of().parseHex(f[8]);
        return new GuestTask(Integer.parseInt(f[0]), Integer.parseInt(f[1]), Integer.parseInt(f[2]), f[3].charAt(0),
                Long.parseLong(f[4]), Long.parseLong(f[5]), Long.parseLong(f[6]), Long.parseLong(f[7]),
                text(name));
    }

    /** As hpt writes it: UTF-8, and {@code \xNN} for a byte that is none. */
    private static String text(byte[] bytes) {
        var decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(4 * bytes.length + 4);
        while (true) {
            CoderResult result = decoder.decode(in, out, true);
            if (!result.isError()) {
                return out.flip().toString();
            }
            // Each byte by itself, however many the decoder would replace by one character.
            for (int i = 0; i < result.length(); i++) {
                out.put("\\x%02x".formatted(in.get()));
            }
        }
    }

    public boolean isProcess() {
        return tid == pid;
    }

    /** Whether its name says what it works on now, as the kernel's workers' do. */
    public boolean isKworker() {
        return name.startsWith("kworker/");
    }
}
