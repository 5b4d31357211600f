// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.guest;

import java.io.BufferedReader;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The conversation with a guest's init, which tells what its own {@code /proc} says. The protocol is told in
 * {@code itests/lab/guest-init/init.c}.
 */
public final class Lister {
    /** The way to a guest's port. */
    public interface Port {
        /** Sends a line. */
        void send(String line) throws IOException;

        /** Throws when the guest has ended. */
        void checkAlive() throws IOException;

        /** What the guest's console said, for a message. */
        String log() throws IOException;
    }

    /** The guest's counter, and its clock. */
    public record Count(long count, long monotonicNanos) {
    }

    /**
     * What the guest's kernel says of itself.
     *
     * @param text    GVA of its first byte
     * @param textGpa GPA of it
     * @param banner  its banner, without the line's end
     */
    public record KernelTruth(long text, long textGpa, String banner) {
    }

    private final Port port;
    private final long answerSeconds;
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    private int requests;

    /** @param answerSeconds how long to wait for an answer at most, on a machine that is far slower than usual */
    public Lister(Port port, long answerSeconds) {
        this.port = port;
        this.answerSeconds = answerSeconds;
    }

    /** Reads the guest's lines, in a thread of its own, until they end. */
    public void read(BufferedReader in, String of) {
        Thread reader = new Thread(() -> {
            try (in) {
                for (String line = in.readLine(); line != null; line = in.readLine()) {
                    lines.add(line);
                }
            } catch (IOException e) {
                lines.add("READ-FAILED " + e);
            }
        }, "lines of " + of);
        reader.setDaemon(true);
        reader.start();
    }

    /** Waits until the guest says, unasked, that all its processes are up. */
    public void awaitReady(long seconds) throws IOException {
        await("READY", "say READY", seconds);
    }

    /** The first line that begins so. */
    private String await(String beginning, String what, long seconds) throws IOException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (System.nanoTime() < end) {
            String line = next(1);
            if (line.startsWith(beginning)) {
                return line;
            }
            if (line.isEmpty()) {
                port.checkAlive();
            }
        }
        throw new IOException("the guest did not " + what + " in " + seconds + " seconds: " + port.log());
    }

    /** The guest's next line, empty when none came in time. */
    private String next(long seconds) throws IOException {
        try {
            String line = lines.poll(seconds, TimeUnit.SECONDS);
            return line == null ? "" : line;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** Sends a request, and gives the guest's line that begins so. */
    synchronized String request(String request, String answer) throws IOException {
        port.send(request);
        return await(answer, "answer " + request, answerSeconds);
    }

    /** Asks the guest for its tasks. */
    public synchronized TaskList list() throws IOException {
        int id = ++requests;
        List<String> list = new ArrayList<>();
        list.add(request("L" + id, "LIST-BEGIN " + id + " "));
        while (!list.get(list.size() - 1).startsWith("LIST-END ")) {
            String line = next(answerSeconds);
            if (line.isEmpty()) {
                throw new IOException("the list broke off after " + list.size() + " lines: " + port.log());
            }
            list.add(line);
        }
        return TaskList.parse(list);
    }

    /** Asks the guest how far its counter is. */
    public synchronized Count count() throws IOException {
        int id = ++requests;
        String[] f = request("C" + id, "COUNT " + id + " ").split(" ");
        return new Count(Long.parseLong(f[2]), Long.parseLong(f[3]));
    }

    /** Asks the guest where its kernel lies. */
    public synchronized KernelTruth kernel() throws IOException {
        int id = ++requests;
        String[] f = request("K" + id, "KERNEL " + id + " ").split(" ", 5);
        return new KernelTruth(Long.parseUnsignedLong(f[2], 16), Long.parseUnsignedLong(f[3].split("-")[0], 16), f[4]);
    }

    /** Makes processes begin and end in the guest from now on. */
    public synchronized void churn() throws IOException {
        int id = ++requests;
        request("H" + id, "CHURNING " + id);
    }

    /** Lets the threads of {@code hpt.spin} begin, and gives how many there are. */
    public synchronized int spin() throws IOException {
        return Integer.parseInt(request("S", "SPINNING ").split(" ")[1]);
    }
}
