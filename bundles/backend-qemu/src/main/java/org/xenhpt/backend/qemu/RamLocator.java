// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/**
 * Finds where a guest's RAM lies: QEMU tells which ranges of GPA are RAM and at which addresses it has them itself, the
 * kernel tells what is mapped at those addresses. What QEMU says counts only as far as the kernel confirms it.
 */
final class RamLocator {
    private static final Logger LOG = LoggerFactory.getLogger(RamLocator.class);
    private static final Pattern HOST_ADDRESS = Pattern.compile(" is 0x([0-9a-f]{1,15})\\s*$");
    private static final long PAGE = 4096;

    private final String subject;
    private final QmpClient qmp;
    private final QemuProcess process;

    /** @param subject what errors name */
    RamLocator(String subject, QmpClient qmp, QemuProcess process) {
        this.subject = subject;
        this.qmp = qmp;
        this.process = process;
    }

    /** A range of RAM, and the mapping that holds it, parts of one mapping joined. */
    private record Located(FlatView.Ram ram, long address, HostMapping mapping) {
        /** Where it begins in the mapped file. */
        long inFile() {
            return mapping.offset() + address - mapping.start();
        }

        String file() {
            return mapping.device() + " " + mapping.inode();
        }
    }

    /**
     * Makes the RAM readable.
     *
     * @throws HptException {@code UNREADABLE_GUEST} when QEMU's answers contradict each other or the kernel,
     *         {@code ACCESS_DENIED}, {@code GUEST_GONE}
     */
    GuestRam locate() {
        List<FlatView.Ram> map = FlatView.parse(qmp.monitor("info mtree -f"), memdevs(), subject);
        Map<FlatView.Ram, Long> addresses = hostAddresses(map);
        List<HostMapping> mappings = process.mappings();
        List<Located> located = map.stream().map(ram -> locate(ram, addresses.get(ram), mappings)).toList();

        Map<String, SharedFile> files = new HashMap<>();
        List<ProcessMemory> copies = new ArrayList<>();
        try {
            for (Located one : located) {
                if (one.mapping.isSharedFile() && !files.containsKey(one.file())) {
                    List<Located> ofFile = located.stream()
                            .filter(other -> other.mapping.isSharedFile() && other.file().equals(one.file())).toList();
                    map(ofFile).ifPresent(file -> files.put(one.file(), file));
                }
            }
            List<RamStretch> stretches = new ArrayList<>();
            for (Located one : located) {
                SharedFile file = one.mapping.isSharedFile() ? files.get(one.file()) : null;
                if (file == null && copies.isEmpty()) {
                    copies.add(new ProcessMemory(process));
                }
                stretches.add(file != null
                        ? new RamStretch.Mapped(one.ram.gpa(), one.ram.size(), file, one.inFile())
                        : new RamStretch.Copied(one.ram.gpa(), one.ram.size(), copies.get(0), one.address));
            }
            // All that was looked at under this process number belonged to one process.
            process.requireAlive();
            return new GuestRam(process, stretches, List.copyOf(files.values()), copies);
        } catch (RuntimeException e) {
            files.values().forEach(SharedFile::close);
            copies.forEach(ProcessMemory::close);
            throw e;
        }
    }

    private Set<String> memdevs() {
        Set<String> ids = new HashSet<>();
        for (QmpValue memdev : qmp.execute("query-memdev").elements()) {
            String id = memdev.get("id").text("");
            if (!id.isEmpty()) {
                ids.add(id);
            }
        }
        return ids;
    }

    private Map<FlatView.Ram, Long> hostAddresses(List<FlatView.Ram> map) {
        List<String> questions = new ArrayList<>();
        for (FlatView.Ram ram : map) {
            questions.add("gpa2hva 0x" + Long.toHexString(ram.gpa()));
            questions.add("gpa2hva 0x" + Long.toHexString(ram.end() - PAGE));
        }
        List<String> answers = qmp.monitor(questions);
        Map<FlatView.Ram, Long> addresses = new HashMap<>();
        for (int i = 0; i < map.size(); i++) {
            FlatView.Ram ram = map.get(i);
            long first = hostAddress(ram, answers.get(2 * i));
            if (hostAddress(ram, answers.get(2 * i + 1)) - first != ram.size() - PAGE) {
                throw malformed("QEMU says that RAM at GPA 0x" + Long.toHexString(ram.gpa())
                        + " is in one piece, and that it is not (gpa2hva)");
            }
            addresses.put(ram, first);
        }
        return addresses;
    }

    private long hostAddress(FlatView.Ram ram, String answer) {
        Matcher address = HOST_ADDRESS.matcher(answer.stripTrailing());
        if (!address.find()) {
            throw malformed("QEMU does not say where it has the RAM at GPA 0x" + Long.toHexString(ram.gpa()) + ": "
                    + QmpClient.excerpt(answer.stripTrailing()));
        }
        return Long.parseLong(address.group(1), 16);
    }

    private Located locate(FlatView.Ram ram, long address, List<HostMapping> mappings) {
        HostMapping joined = null;
        for (HostMapping mapping : mappings) {
            if (joined == null) {
                if (address >= mapping.start() && address < mapping.end()) {
                    joined = mapping;
                }
            } else if (joined.continuesIn(mapping)) {
                joined = new HostMapping(joined.start(), mapping.end(), joined.shared(), joined.offset(),
                        joined.device(), joined.inode(), joined.path());
            } else {
                break;
            }
        }
        if (joined == null || joined.end() - address < ram.size()) {
            throw malformed("QEMU says that it has the RAM at GPA 0x" + Long.toHexString(ram.gpa()) + " at 0x"
                    + Long.toHexString(address) + ", where process " + process.pid() + " has no such memory");
        }
        return new Located(ram, address, joined);
    }

    /** Maps the file that holds these; empty when it cannot be had, so that they must be copied. */
    private Optional<SharedFile> map(List<Located> ofFile) {
        long from = ofFile.stream().mapToLong(Located::inFile).min().orElseThrow();
        long to = ofFile.stream().mapToLong(one -> one.inFile() + one.ram.size()).max().orElseThrow();
        HostMapping mapping = ofFile.get(0).mapping;
        List<String> failures = new ArrayList<>();
        for (Path path : waysTo(mapping)) {
            try {
                if (isMappedFile(path, mapping)) {
                    return Optional.of(new SharedFile(path, from, to));
                }
                failures.add(path + " is another file");
            } catch (IOException | ArithmeticException e) {
                failures.add(path + ": " + e.getMessage());
            }
        }
        process.requireAlive();
        LOG.info("{}: guest RAM in {} is copied, not mapped: {}", subject, mapping.path(), failures);
        return Optional.empty();
    }

    private List<Path> waysTo(HostMapping mapping) {
        Path proc = Path.of("/proc", Long.toString(process.pid()));
        List<Path> ways = new ArrayList<>();
        // The mapped file itself, also when it has been deleted or never had a name (memfd). Root only.
        for (HostMapping part : process.mappings()) {
            if (part.isSharedFile() && part.inode() == mapping.inode() && part.device().equals(mapping.device())) {
                ways.add(proc.resolve("map_files").resolve(
                        Long.toHexString(part.start()) + "-" + Long.toHexString(part.end())));
                break;
            }
        }
        if (mapping.path().startsWith("/") && mapping.path().indexOf('\\') < 0
                && !mapping.path().endsWith(" (deleted)")) {
            try {
                ways.add(proc.resolve("root" + mapping.path()));
            } catch (InvalidPathException e) {
                LOG.debug("a path that this locale cannot express: {}", e.getMessage());
            }
        }
        try (DirectoryStream<Path> files = Files.newDirectoryStream(proc.resolve("fd"))) {
            for (Path file : files) {
                if (inode(file) == mapping.inode()) {
                    ways.add(file);
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            LOG.debug("{}: {}", proc, e.toString());
        }
        return ways;
    }

    private static long inode(Path file) {
        try {
            return (Long) Files.getAttribute(file, "unix:ino");
        } catch (IOException e) {
            return -1;
        }
    }

    /**
     * Whether the path leads to the mapped file. A link in {@code map_files} does by itself; for it the numbers are not
     * compared, since btrfs and overlayfs show other ones in the map than stat(2) does.
     */
    private static boolean isMappedFile(Path path, HostMapping mapping) throws IOException {
        if (path.getParent().endsWith("map_files")) {
            return Files.isReadable(path);
        }
        long device = (Long) Files.getAttribute(path, "unix:dev");
        // gnu_dev_major and gnu_dev_minor of the C library.
        long major = device >> 8 & 0xfff | device >> 32 & 0xfffff000L;
        long minor = device & 0xff | device >> 12 & 0xffffff00L;
        return inode(path) == mapping.inode()
                && mapping.device().equals(String.format("%02x:%02x", major, minor));
    }

    private HptException malformed(String what) {
        return new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, what)
                .next("if memory is being plugged, or the guest is just starting, try again");
    }
}
