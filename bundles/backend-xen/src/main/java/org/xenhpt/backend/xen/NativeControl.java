// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.VcpuRegisters;

/**
 * {@code libxenctrl} of the running Xen's version. Its soname is that version, since its interface may change with
 * each; of the functions used here neither the parameters nor what is read of the results differ from 4.8 to 4.22.
 */
final class NativeControl implements Control {
    private static final int FIRST_MINOR = 8;
    private static final int LAST_MINOR = 22;

    private final String subject;
    private final String libraryName;
    private final XenHost.Version version;
    private final NativeLibrary library;
    private final ToolLog log;
    private Pointer handle;

    private NativeControl(String subject, String libraryName, XenHost.Version version, NativeLibrary library,
            ToolLog log, Pointer handle) {
        this.subject = subject;
        this.libraryName = libraryName;
        this.version = version;
        this.library = library;
        this.log = log;
        this.handle = handle;
    }

    /** @throws HptException when the version is not known, or there is no library for it */
    static NativeControl open(String subject, Optional<XenHost.Version> running) {
        XenHost.Version version = known(subject, running);
        HptException missing = new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject,
                "no libxenctrl for the running Xen " + version + " can be loaded")
                .next("install it (Debian: apt install libxenmisc" + version + ")");
        for (String name : names(version)) {
            try {
                return open(subject, name, version, NativeLibrary.getInstance(name));
            } catch (UnsatisfiedLinkError e) {
                missing.tried(name);
            }
        }
        throw missing;
    }

    private static NativeControl open(String subject, String name, XenHost.Version version, NativeLibrary library) {
        ToolLog log = ToolLog.open();
        Pointer handle = library.getFunction("xc_interface_open")
                .invokePointer(new Object[] {log.logger(), log.logger(), 0});
        if (handle == null) {
            HptException failure = new HptException(Step.BACKEND, Reason.ACCESS_DENIED, subject,
                    name + " cannot open Xen's control interface (errno " + Native.getLastError() + ")")
                    .next("run hpt as root");
            String said = log.take();
            log.close();
            throw said.isEmpty() ? failure : failure.tried(said);
        }
        return new NativeControl(subject, name, version, library, log, handle);
    }

    /** Refuses versions whose interface was not looked at: a guess could pass Xen the wrong arguments. */
    static XenHost.Version known(String subject, Optional<XenHost.Version> running) {
        XenHost.Version version = running.orElseThrow(() -> new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST,
                subject, "the running Xen does not tell its version").tried("/sys/hypervisor/version"));
        if (version.major() != 4 || version.minor() < FIRST_MINOR || version.minor() > LAST_MINOR) {
            throw new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject, "the control interface of Xen "
                    + version + " is not known: 4." + FIRST_MINOR + " to 4." + LAST_MINOR + " are");
        }
        return version;
    }

    /** Debian of long ago had the version before the ".so". */
    static List<String> names(XenHost.Version version) {
        return List.of("libxenctrl.so." + version, "libxenctrl-" + version + ".so");
    }

    @Override
    public Optional<DomainInfo> info(int domid) {
        try (Memory bytes = new Memory(DomainInfo.BYTES)) {
            bytes.clear();
            // Of more than one at a time the size would have to be known, and it differs.
            int count = call("xc_domain_getinfolist", domid, 1, bytes);
            if (count < 0) {
                throw failed("tell of domain " + domid, Native.getLastError());
            }
            DomainInfo info = DomainInfo.parse(bytes.getByteBuffer(0, DomainInfo.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN), version);
            // It answers with the next domain there is.
            return count == 1 && info.domid() == domid ? Optional.of(info) : Optional.empty();
        }
    }

    @Override
    public OptionalLong maximumGfn(int domid) {
        long[] gfn = new long[1];
        return call("xc_domain_maximum_gpfn", domid, gfn) < 0 ? OptionalLong.empty() : OptionalLong.of(gfn[0]);
    }

    @Override
    public OptionalLong toPopulate(int domid) {
        long[] pages = new long[1];
        long[] cache = new long[1];
        long[] entries = new long[1];
        return call("xc_domain_get_pod_target", domid, pages, cache, entries) < 0 ? OptionalLong.empty()
                : OptionalLong.of(entries[0]);
    }

    @Override
    public Optional<VcpuRegisters> registers(int domid, int vcpu) {
        try (Memory bytes = new Memory(HvmCpu.BYTES)) {
            bytes.clear();
            if (call("xc_domain_hvm_getcontext_partial", domid, HvmCpu.TYPE, (short) vcpu, bytes, HvmCpu.BYTES) < 0) {
                int errno = Native.getLastError();
                if (Errno.isRefusal(errno) || errno == Errno.ESRCH) {
                    throw failed("tell registers of domain " + domid, errno);
                }
                // ENOENT, ENODATA and EINVAL have all been used for a vCPU that is not up.
                return Optional.empty();
            }
            return Optional.of(HvmCpu.parse(vcpu, bytes.getByteBuffer(0, HvmCpu.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)));
        }
    }

    private int call(String function, Object... arguments) {
        if (handle == null) {
            throw new IllegalStateException("closed");
        }
        Object[] all = new Object[arguments.length + 1];
        all[0] = handle;
        System.arraycopy(arguments, 0, all, 1, arguments.length);
        return library.getFunction(function).invokeInt(all);
    }

    private HptException failed(String what, int errno) {
        HptException failure = failure(subject, libraryName, version, what, errno);
        String said = log.take();
        return said.isEmpty() ? failure : failure.tried(said);
    }

    /** A domctl of another version than the hypervisor's is refused with EACCES (xen/common/domctl.c). */
    static HptException failure(String subject, String library, XenHost.Version version, String what, int errno) {
        return switch (errno) {
            case Errno.EACCES -> new HptException(Step.BACKEND, Reason.ACCESS_DENIED, subject,
                    "the hypervisor says to be Xen " + version + " and refuses the interface version of " + library
                            + " (EACCES)").next("tools and hypervisor do not fit: reboot after an upgrade of Xen, or"
                            + " install the tools of the running version");
            case Errno.EPERM -> new HptException(Step.BACKEND, Reason.ACCESS_DENIED, subject,
                    "Xen refuses to " + what + " (EPERM): its security policy (XSM) forbids it, or hpt is not run as"
                            + " root").next("see 'xl dmesg'");
            case Errno.ESRCH -> new HptException(Step.BACKEND, Reason.GUEST_GONE, subject, "the guest was destroyed")
                    .next("hpt guests shows what runs now");
            default -> new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, subject,
                    "Xen fails to " + what + " (errno " + errno + ")");
        };
    }

    @Override
    public void close() {
        if (handle != null) {
            library.getFunction("xc_interface_close").invokeInt(new Object[] {handle});
            handle = null;
            log.close();
        }
    }
}
