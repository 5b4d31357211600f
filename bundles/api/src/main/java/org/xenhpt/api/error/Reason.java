// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.error;

/** Why something failed, and the exit code that the command line gives for it. The codes are part of the interface. */
public enum Reason {
    /** A command was called with words it does not know. */
    USAGE(2),
    /** No backend for the scheme, or no such guest, file or socket. */
    NO_SUCH_GUEST(3),
    /** The operating system or the hypervisor refused. */
    ACCESS_DENIED(4),
    /** The guest or its image is there and cannot be read: damaged, truncated, of an unknown format, unsupported. */
    UNREADABLE_GUEST(5),
    /** The guest stopped, or was destroyed, while it was read. */
    GUEST_GONE(6),
    /** No running Linux kernel was recognised in the guest's memory. */
    NOT_IDENTIFIED(7),
    /** The kernel is known by name, and nothing tells its symbols and structure layouts. */
    NO_PROFILE(8),
    /** A profile exists and cannot be used: malformed, or without what the decoder needs. */
    BAD_PROFILE(9),
    /** No installed decoder fits the kernel. */
    NO_DECODER(10),
    /** An address of the guest leads nowhere: not mapped, not RAM, not canonical, or not in the image. */
    MEMORY_FAULT(11),
    /** The guest's structures contradict themselves, also after reading them again. */
    INCONSISTENT(12),
    /** A file of ours (profile, symbol file) cannot be read or written. */
    FILE(13),
    /** A defect of XenHPT. */
    INTERNAL(70);

    private final int exitCode;

    Reason(int exitCode) {
        this.exitCode = exitCode;
    }

    /** The exit code of a command that fails for this reason. */
    public int exitCode() {
        return exitCode;
    }
}
