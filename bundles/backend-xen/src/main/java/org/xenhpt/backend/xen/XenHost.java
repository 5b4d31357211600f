// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;

/** What the kernel tells of the Xen it runs on, without any library. */
final class XenHost {
    private static final int MAX_TEXT = 4096;

    private final Path root;

    /** @param root of the file system, {@code /} but in tests */
    XenHost(Path root) {
        this.root = root;
    }

    /** The version of a hypervisor. */
    record Version(int major, int minor) {
        @Override
        public String toString() {
            return major + "." + minor;
        }
    }

    boolean onXen() {
        return text("sys/hypervisor/type").equals("xen") || Files.isDirectory(root.resolve("proc/xen"));
    }

    /** Whether this is Domain 0. Without xenfs on {@code /proc/xen} a xenstore daemon that runs here tells. */
    boolean inDom0() {
        if (!onXen()) {
            return false;
        }
        String capabilities = text("proc/xen/capabilities");
        return capabilities.isEmpty() ? storeSockets().stream().anyMatch(Files::exists)
                : capabilities.contains("control_d");
    }

    /** @throws HptException when guests cannot be read from here, whatever guest it is */
    void requireControl(String subject) {
        if (!onXen()) {
            throw new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, subject, "this machine does not run on Xen")
                    .tried("/sys/hypervisor/type").tried("/proc/xen").next("run hpt in Domain 0 of the guest's host");
        }
        if (!inDom0()) {
            throw new HptException(Step.BACKEND, Reason.NO_SUCH_GUEST, subject,
                    "this is a Xen guest itself, not Domain 0").tried("/proc/xen/capabilities")
                    .next("run hpt in Domain 0; if this is Domain 0, mount xenfs on /proc/xen");
        }
        Path privcmd = root.resolve("dev/xen/privcmd");
        if (!Files.exists(privcmd)) {
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, "there is no /dev/xen/privcmd")
                    .next("load the kernel module xen-privcmd");
        }
        if (!Files.isReadable(privcmd) || !Files.isWritable(privcmd)) {
            throw notRoot(subject, "/dev/xen/privcmd");
        }
    }

    static HptException notRoot(String subject, String file) {
        return new HptException(Step.BACKEND, Reason.ACCESS_DENIED, subject, file + " may not be opened")
                .next("run hpt as root");
    }

    Optional<Version> version() {
        try {
            return Optional.of(new Version(Integer.parseInt(text("sys/hypervisor/version/major")),
                    Integer.parseInt(text("sys/hypervisor/version/minor"))));
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** Where a xenstore daemon of this domain listens. */
    List<Path> storeSockets() {
        return List.of(root.resolve("run/xenstored/socket"), root.resolve("var/run/xenstored/socket"));
    }

    /** The way to a xenstore daemon that runs in another domain. */
    Path storeDevice() {
        return root.resolve("dev/xen/xenbus");
    }

    private String text(String file) {
        try (InputStream in = Files.newInputStream(root.resolve(file))) {
            return new String(in.readNBytes(MAX_TEXT), StandardCharsets.US_ASCII).strip();
        } catch (IOException e) {
            return "";
        }
    }
}
