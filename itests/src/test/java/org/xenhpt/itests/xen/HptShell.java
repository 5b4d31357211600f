// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.xen;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** An {@code hpt} in dom0 that stays up and reads commands. */
final class HptShell implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long START_SECONDS = 600;
    private static final long ANSWER_SECONDS = 600;
    /** No more may be mapped than hpt keeps; the rest is the JVM's. A heap that leaks shows as a failure. */
    private static final String JAVA_OPTIONS = "-Xms96m -Xmx96m";
    /** What a step of more than ten seconds says now and then. Complaints have a colon after what they are about. */
    private static final String PROGRESS = "hpt: [^:]+ [0-9]{1,3} %";

    /** What a command printed: results and messages, as they came. */
    record Answer(String command, List<String> lines) {
        Answer {
            lines = List.copyOf(lines);
        }

        /** What hpt said beside results and how far it is. */
        List<String> messages() {
            return lines.stream().filter(line -> line.startsWith("hpt: ") && !line.matches(PROGRESS)).toList();
        }

        /** The one JSON array printed, by a command that had nothing to complain of. */
        List<JsonNode> rows() {
            List<JsonNode> rows = rowsAndMessages();
            if (!messages().isEmpty()) {
                throw new AssertionError("hpt did not give a whole answer: " + this);
            }
            return rows;
        }

        /** The JSON objects printed, one a line, by a command that had nothing to complain of. */
        List<JsonNode> objects() {
            if (!messages().isEmpty()) {
                throw new AssertionError("hpt did not give a whole answer: " + messages());
            }
            List<JsonNode> objects = new ArrayList<>();
            for (String line : lines) {
                try {
                    objects.add(JSON.readTree(line));
                } catch (IOException e) {
                    throw new AssertionError("no JSON: " + line, e);
                }
            }
            return objects;
        }

        /** The one JSON array printed, whatever else was said. */
        List<JsonNode> rowsAndMessages() {
            String text = String.join("\n", lines.stream().filter(line -> !line.startsWith("hpt: ")).toList());
            List<JsonNode> rows = new ArrayList<>();
            try {
                JsonNode array = JSON.readTree(text);
                if (!array.isArray()) {
                    throw new AssertionError("no JSON array: " + this);
                }
                array.forEach(rows::add);
            } catch (IOException e) {
                throw new AssertionError("no JSON: " + this, e);
            }
            return rows;
        }

        @Override
        public String toString() {
            String text = String.join("\n", lines);
            return "hpt> " + command + "\n" + (text.length() > 4000 ? text.substring(0, 4000) + " ..." : text);
        }
    }

    /**
     * What a process of dom0 holds.
     *
     * @param maps     mappings
     * @param foreign  those of a guest's memory
     * @param files    open files
     * @param resident its own memory in KiB
     */
    record Held(int maps, int foreign, int files, int resident) {
    }

    private final XenLab lab;
    private final Process process;
    private final BlockingQueue<String> lines = new LinkedBlockingQueue<>();
    private final int pid;
    private int asked;

    HptShell(XenLab lab) throws IOException {
        this.lab = lab;
        // Results and messages by one way, so that they stay in order. The archive of classes is for many short runs.
        process = lab.start("ssh", "echo $$; HPT_NO_ARCHIVE=1 HPT_JAVA_OPTS='" + JAVA_OPTIONS + "' exec " + lab.hpt()
                + " 2>&1");
        Thread reader = new Thread(this::read, "hpt in dom0");
        reader.setDaemon(true);
        reader.start();
        pid = Integer.parseInt(next(START_SECONDS));
    }

    private void read() {
        try (BufferedReader in = new BufferedReader(
                new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                lines.add(line);
            }
        } catch (IOException e) {
            lines.add("READ-FAILED " + e);
        }
    }

    private String next(long seconds) throws IOException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        try {
            while (System.nanoTime() < end) {
                String line = lines.poll(1, TimeUnit.SECONDS);
                if (line != null) {
                    return line;
                }
                if (!process.isAlive() && lines.isEmpty()) {
                    throw new IOException("hpt ended with " + process.exitValue() + lab.state());
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
        throw new IOException("hpt said nothing for " + seconds + " s" + lab.state());
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Told of each line as it comes. */
    interface Follower {
        void said(String line) throws IOException;
    }

    /** Runs a command. */
    Answer ask(String command) throws IOException {
        return ask(command, line -> { });
    }

    /** Runs a command, and looks on while it goes on. */
    synchronized Answer ask(String command, Follower follower) throws IOException {
        // No command is named so, and hpt says that.
        String mark = "end-of-" + ++asked;
        String end = "hpt: command: no command '" + mark + "'";
        process.getOutputStream().write((command + "\n" + mark + "\n").getBytes(StandardCharsets.UTF_8));
        process.getOutputStream().flush();
        List<String> said = new ArrayList<>();
        for (String line = next(ANSWER_SECONDS); !line.startsWith(end); line = next(ANSWER_SECONDS)) {
            said.add(line);
            follower.said(line);
        }
        return new Answer(command, said);
    }

    /** Ends it as nothing can be prepared for. */
    void kill() throws IOException {
        lab.dom0("kill -9 " + pid);
        awaitEnd("was killed and lives");
    }

    /** What it holds now. */
    Held held() throws IOException {
        String[] n = lab.dom0("cd /proc/" + pid + "; wc -l < maps; grep -c /dev/xen/privcmd maps; ls fd | wc -l; "
                + "sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' status").strip().split("\\s+");
        return new Held(Integer.parseInt(n[0]), Integer.parseInt(n[1]), Integer.parseInt(n[2]), Integer.parseInt(n[3]));
    }

    @Override
    public void close() throws IOException {
        process.getOutputStream().close();
        awaitEnd("did not end with its input");
    }

    private void awaitEnd(String otherwise) throws IOException {
        try {
            if (!process.waitFor(ANSWER_SECONDS, TimeUnit.SECONDS)) {
                throw new IOException("hpt " + otherwise + lab.state());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            process.destroy();
        }
    }
}
