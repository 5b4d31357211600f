// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A mapping in a process, a line of {@code /proc/PID/maps} (proc_pid_maps(5)).
 *
 * @param start  address of the first byte in that process
 * @param end    address after the last
 * @param shared whether writes go to the file: only then is the file the guest's RAM
 * @param offset of the first byte in the file
 * @param device of the file, as {@code major:minor} in hexadecimal
 * @param inode  of the file, 0 when there is none
 * @param path   of the file as the kernel knows it; may be deleted, or never have had one
 */
record HostMapping(long start, long end, boolean shared, long offset, String device, long inode, String path) {
    private static final Pattern LINE = Pattern.compile(
            "([0-9a-f]{1,15})-([0-9a-f]{1,15}) (.{4}) ([0-9a-f]{1,15}) ([0-9a-f]+:[0-9a-f]+) ([0-9]{1,18}) *(.*)");

    /** @param line its bytes as ISO 8859-1 */
    static Optional<HostMapping> parse(String line) {
        Matcher fields = LINE.matcher(line);
        // The vsyscall page has an address of 16 digits and is no guest's RAM.
        if (!fields.matches()) {
            return Optional.empty();
        }
        return Optional.of(new HostMapping(Long.parseLong(fields.group(1), 16), Long.parseLong(fields.group(2), 16),
                fields.group(3).charAt(3) == 's', Long.parseLong(fields.group(4), 16), fields.group(5),
                Long.parseLong(fields.group(6)),
                new String(fields.group(7).getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8)));
    }

    boolean isSharedFile() {
        return shared && inode != 0;
    }

    /** Whether {@code next} goes on where this one ends, in memory and in the file. */
    boolean continuesIn(HostMapping next) {
        return next.start == end && next.isSharedFile() == isSharedFile()
                && (!isSharedFile() || next.inode == inode && next.device.equals(device)
                        && next.offset == offset + (end - start));
    }
}
