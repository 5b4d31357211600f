// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.error;

/** Why something failed, and the exit code that the command line gives for it. The codes are part of the interface. */
public enum Reason {
    /** A command was called with words it does not know. */
    USAGE(2, "a command was called with words it does not know"),
    /** No backend for the scheme, or no such guest, file or socket. */
    NO_SUCH_GUEST(3, "no backend for the scheme, or no such guest, file or socket"),
    /** The operating system or the hypervisor refused. */
    ACCESS_DENIED(4, "the operating system or the hypervisor refused"),
    /** The guest or its image is there and cannot be read: damaged, truncated, of an unknown format, unsupported. */
    UNREADABLE_GUEST(5, "the guest or its image is damaged, truncated, or of a format that is not supported"),
    /** The guest stopped, or was destroyed, while it was read. */
    GUEST_GONE(6, "the guest stopped, or was destroyed, while it was read"),
    /** No running Linux kernel was recognised in the guest's memory. */
    NOT_IDENTIFIED(7, "no running Linux kernel was recognised in the guest's memory"),
    /** The kernel is known by name, and nothing tells its symbols and structure layouts. */
    NO_PROFILE(8, "nothing tells the kernel's symbols and structure layouts"),
    /** A profile exists and cannot be used: malformed, or without what the decoder needs. */
    BAD_PROFILE(9, "a profile is malformed, or lacks what the decoder needs"),
    /** No installed decoder fits the kernel. */
    NO_DECODER(10, "no installed decoder fits the kernel"),
    /** An address of the guest leads nowhere: not mapped, not RAM, not canonical, or not in the image. */
    MEMORY_FAULT(11, "an address of the guest leads nowhere"),
    /** The guest's structures contradict themselves, also after reading them again. */
    INCONSISTENT(12, "the guest's structures contradict themselves, also after reading them again"),
    /** A file of ours (profile, symbol file) cannot be read or written. */
    FILE(13, "a profile, a symbol file or the output cannot be read or written"),
    /** The guest was started and its kernel is not up yet: not an error, but too early to ask. */
    NOT_UP(15, "the guest was started and its kernel is not up yet: ask again"),
    /** A bundle threw what it should not, or did not answer in time; the message names the bundle. */
    PLUGIN_FAILED(16, "a bundle failed or did not answer in time; the message names it"),
    /** A bundle on which an open session depends was removed, and no other takes its place. */
    TAKEN_AWAY(17, "a bundle that the answer depends on was removed while it was used; the message names it"),
    /** A defect of XenHPT. */
    INTERNAL(70, "a defect of XenHPT");

    private final int exitCode;
    private final String meaning;

    Reason(int exitCode, String meaning) {
        this.exitCode = exitCode;
        this.meaning = meaning;
    }

    /** The exit code of a command that fails for this reason. */
    public int exitCode() {
        return exitCode;
    }

    /** What it means, in a clause without a full stop, as the help on exit codes prints it. */
    public String meaning() {
        return meaning;
    }
}
