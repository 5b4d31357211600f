// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/**
 * The process in which a guest runs. An open file of {@code /proc/PID} stays with the process that it was opened for,
 * also when the number is used again; so what holds for as long as {@link #alive()} is true holds for one process.
 */
final class QemuProcess implements AutoCloseable {
    /** {@code vm.max_map_count} is 65,530 by default; distributions raise it to 1,048,576. */
    private static final int MAX_MAPPINGS = 1 << 21;

    private final String subject;
    private final long pid;
    private final RandomAccessFile statm;
    private final byte[] line = new byte[64];

    /**
     * Begins to watch the process.
     *
     * @param subject what errors name
     */
    QemuProcess(String subject, long pid) {
        this.subject = subject;
        this.pid = pid;
        try {
            statm = new RandomAccessFile("/proc/" + pid + "/statm", "r");
        } catch (FileNotFoundException e) {
            throw new HptException(Step.BACKEND, Reason.GUEST_GONE, subject,
                    "the guest has ended: its QEMU process " + pid + " is no more", e);
        }
    }

    long pid() {
        return pid;
    }

    /**
     * Whether the process still has its memory. {@code statm} (proc_pid_statm(5)) cannot be read any more once it is
     * reaped, and is all zeros for a zombie.
     */
    boolean alive() {
        try {
            statm.seek(0);
            return statm.read(line) > 1 && line[0] != '0';
        } catch (IOException e) {
            return false;
        }
    }

    /** @throws HptException {@code GUEST_GONE} when the process has ended */
    void requireAlive() {
        if (!alive()) {
            throw new HptException(Step.BACKEND, Reason.GUEST_GONE, subject,
                    "the guest has ended: its QEMU process " + pid + " is no more");
        }
    }

    /** The mappings of the process, sorted by address. */
    List<HostMapping> mappings() {
        Path maps = Path.of("/proc", Long.toString(pid), "maps");
        List<HostMapping> mappings = new ArrayList<>();
        // A file's name may be of any bytes.
        try (var reader = Files.newBufferedReader(maps, StandardCharsets.ISO_8859_1)) {
            for (String text = reader.readLine(); text != null && mappings.size() < MAX_MAPPINGS;
                    text = reader.readLine()) {
                HostMapping.parse(text).ifPresent(mappings::add);
            }
        } catch (IOException e) {
            requireAlive();
            throw denied("its memory map " + maps, e);
        }
        return mappings;
    }

    /** @throws HptException {@code ACCESS_DENIED}, {@code GUEST_GONE} */
    RandomAccessFile openMemory() {
        try {
            return new RandomAccessFile("/proc/" + pid + "/mem", "r");
        } catch (FileNotFoundException e) {
            requireAlive();
            throw denied("its memory /proc/" + pid + "/mem", e);
        }
    }

    private HptException denied(String what, IOException cause) {
        String ptrace = "";
        try {
            ptrace = " (kernel.yama.ptrace_scope is "
                    + Files.readString(Path.of("/proc/sys/kernel/yama/ptrace_scope")).trim() + ")";
        } catch (IOException e) {
            // A kernel without Yama has nothing to say here.
        }
        return new HptException(Step.BACKEND, Reason.ACCESS_DENIED, subject,
                "no permission to read the QEMU process " + pid + ": " + what, cause)
                .next("run hpt as root, or with CAP_SYS_PTRACE" + ptrace);
    }

    @Override
    public void close() {
        try {
            statm.close();
        } catch (IOException e) {
            // A file that was only read loses nothing.
        }
    }
}
