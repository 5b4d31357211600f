// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/**
 * Reads what HMP's {@code info mtree -f} prints: for each address space what lies where once all overlaps are resolved,
 * so that the PCI hole, the VGA window and SMRAM are already cut out. QEMU 5.2 to 11 print the same lines; with an
 * accelerator that has memory slots of its own a word such as {@code KVM} follows.
 */
final class FlatView {
    /** The architecture's limit of a physical address: Intel SDM volume 3A, section 4.1.4 (MAXPHYADDR). */
    private static final long PHYSICAL_LIMIT = 1L << 52;
    /** Real guests have about ten; one with all 256 DIMM slots filled and split has some hundreds. */
    private static final int MAX_RANGES = 1024;
    private static final long PAGE = 4096;

    private static final Pattern ADDRESS_SPACE = Pattern.compile("\\s+AS \"(.*)\", root: .*");
    // Only RAM: "rom" is what the guest cannot write (also RAM that shadows the BIOS), "nv-ram" and "ramd" are devices.
    private static final Pattern RAM = Pattern.compile(
            "\\s+(-?[0-9a-f]+)-(-?[0-9a-f]+) \\(prio -?[0-9]+, ram\\): (\\S+)(?: .*)?");

    private FlatView() {
    }

    /**
     * A range of guest physical memory that lies in one piece in QEMU.
     *
     * @param gpa   GPA of the first byte, page-aligned
     * @param size  in bytes, whole pages
     * @param block the memory region's name: the memory backend's id
     */
    record Ram(long gpa, long size, String block) {
        long end() {
            return gpa + size;
        }
    }

    /**
     * The system RAM of the address space {@code memory}, sorted by GPA, without overlaps.
     *
     * @param text    what {@code info mtree -f} printed
     * @param memdevs ids of the memory backends. RAM of other names belongs to devices (a video card's) and is left
     *                out, unless no RAM has any of these names
     * @param subject what errors name
     */
    static List<Ram> parse(String text, Set<String> memdevs, String subject) {
        List<Ram> all = allRam(text, subject);
        List<Ram> system = all.stream().filter(ram -> memdevs.contains(lastComponent(ram.block))).toList();
        List<Ram> ranges = new ArrayList<>(system.isEmpty() ? all : system);
        if (ranges.isEmpty()) {
            throw malformed(subject, "QEMU shows no RAM in its address space 'memory'");
        }
        ranges.sort(Comparator.comparingLong(Ram::gpa));
        for (int i = 1; i < ranges.size(); i++) {
            if (ranges.get(i).gpa < ranges.get(i - 1).end()) {
                throw malformed(subject, "QEMU shows RAM twice at GPA 0x" + Long.toHexString(ranges.get(i).gpa));
            }
        }
        return ranges;
    }

    private static List<Ram> allRam(String text, String subject) {
        List<Ram> ranges = new ArrayList<>();
        boolean wanted = false;
        boolean found = false;
        for (String line : text.split("\r?\n")) {
            if (line.startsWith("FlatView")) {
                if (found) {
                    break;
                }
                wanted = false;
                continue;
            }
            Matcher space = ADDRESS_SPACE.matcher(line);
            if (space.matches()) {
                wanted |= space.group(1).equals("memory");
                found |= wanted;
                continue;
            }
            if (wanted) {
                Matcher ram = RAM.matcher(line);
                if (ram.matches()) {
                    add(ranges, ram, subject);
                }
            }
        }
        if (!found) {
            throw malformed(subject, "QEMU's 'info mtree -f' shows no address space 'memory'");
        }
        return ranges;
    }

    private static void add(List<Ram> ranges, Matcher line, String subject) {
        long first = address(line.group(1), subject);
        long last = address(line.group(2), subject);
        if (last < first) {
            throw malformed(subject, "QEMU shows RAM that ends before it begins, at GPA 0x" + line.group(1));
        }
        if (ranges.size() == MAX_RANGES) {
            throw malformed(subject, "QEMU shows more than " + MAX_RANGES + " ranges of RAM");
        }
        long start = first + PAGE - 1 & -PAGE;
        long end = last + 1 & -PAGE;
        if (end > start) {
            ranges.add(new Ram(start, end - start, line.group(3)));
        }
    }

    private static long address(String hex, String subject) {
        long address;
        try {
            address = Long.parseLong(hex, 16);
        } catch (NumberFormatException e) {
            address = Long.MAX_VALUE;
        }
        if (address < 0 || address >= PHYSICAL_LIMIT) {
            throw malformed(subject, "QEMU shows RAM at " + QmpClient.excerpt(hex) + ", where x86 has no addresses");
        }
        return address;
    }

    /** Some machine types name RAM by the backend's whole path, {@code /objects/ram}. */
    private static String lastComponent(String block) {
        return block.substring(block.lastIndexOf('/') + 1);
    }

    private static HptException malformed(String subject, String what) {
        return new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, what)
                .tried("HMP 'info mtree -f' for the memory map");
    }
}
