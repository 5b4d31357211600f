// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;

class DomainInfoTest {
    private static final XenHost.Version XEN_4_17 = new XenHost.Version(4, 17);

    private static DomainInfo info(int flags, int maxVcpuId, XenHost.Version version) {
        ByteBuffer bytes = ByteBuffer.allocate(DomainInfo.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putShort(0, (short) 7).putInt(4, flags).putLong(8, 1000).putLong(16, 2000).putInt(68, maxVcpuId);
        return DomainInfo.parse(bytes, version);
    }

    @Test
    void readsWhatTheStructureHolds() {
        assertThat(info(1 << 8 | 1 << 5 | 1 << 1, 3, XEN_4_17))
                .isEqualTo(new DomainInfo(7, true, true, false, GuestState.RUNNING, 1000, 2000, 3));
        assertThat(info(1, 0, XEN_4_17).dying()).isTrue();
        assertThat(info(1 << 3, 0, XEN_4_17).hvm()).isFalse();
    }

    @ParameterizedTest
    @CsvSource({"0x10, RUNNING", "0x20, RUNNING", "0x8, PAUSED", "0x4, SHUT_OFF", "0x30004, CRASHED",
        "0x40004, CRASHED", "0x10004, SHUT_OFF", "0x1, SHUT_OFF"})
    void tellsWhatTheGuestDoes(String flags, GuestState state) {
        assertThat(info(Integer.decode(flags), 0, XEN_4_17).state()).isEqualTo(state);
    }

    @Test
    void theFlagOfHardwareAssistedPagingMovedWith49() {
        XenHost.Version old = new XenHost.Version(4, 8);
        assertThat(info(1 << 9, 0, old).hap()).isTrue();
        assertThat(info(1 << 8, 0, old).hap()).isFalse();
        assertThat(info(1 << 8, 0, new XenHost.Version(4, 9)).hap()).isTrue();
        assertThat(info(1 << 9, 0, XEN_4_17).hap()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, Integer.MIN_VALUE, Integer.MAX_VALUE, 8192})
    void aSenselessNumberOfVcpusIsNone(int maxVcpuId) {
        assertThat(info(0, maxVcpuId, XEN_4_17).maxVcpuId()).isEqualTo(-1);
    }

    @ParameterizedTest
    @CsvSource({"4, 8", "4, 17", "4, 22"})
    void versionsThatWereLookedAtAreUsed(int major, int minor) {
        XenHost.Version version = new XenHost.Version(major, minor);
        assertThat(NativeControl.known("xen:web", Optional.of(version))).isEqualTo(version);
        assertThat(NativeControl.names(version)).first().isEqualTo("libxenctrl.so." + major + "." + minor);
    }

    @ParameterizedTest
    @CsvSource({"4, 7", "4, 23", "3, 17", "5, 0", "-1, -1"})
    void othersAreRefusedByName(int major, int minor) {
        assertThatThrownBy(() -> NativeControl.known("xen:web", Optional.of(new XenHost.Version(major, minor))))
                .isInstanceOf(HptException.class).hasMessageContaining("Xen " + major + "." + minor + " is not known");
    }

    @Test
    void noVersionIsRefused() {
        assertThatThrownBy(() -> NativeControl.known("xen:web", Optional.empty()))
                .isInstanceOf(HptException.class).hasMessageContaining("/sys/hypervisor/version");
    }

    @Test
    void errorsOfTheHypervisorHaveWordsOfTheirOwn() {
        HptException mismatch = NativeControl.failure("xen:web", "libxenctrl.so.4.17", XEN_4_17, "x", Errno.EACCES);
        assertThat(mismatch.reason()).isEqualTo(Reason.ACCESS_DENIED);
        assertThat(mismatch).hasMessageContaining("tools and hypervisor do not fit").hasMessageContaining("4.17");
        HptException denied = NativeControl.failure("xen:web", "l", XEN_4_17, "x", Errno.EPERM);
        assertThat(denied.reason()).isEqualTo(Reason.ACCESS_DENIED);
        assertThat(denied).hasMessageContaining("XSM");
        assertThat(NativeControl.failure("xen:web", "l", XEN_4_17, "x", Errno.ESRCH).reason())
                .isEqualTo(Reason.GUEST_GONE);
        assertThat(NativeControl.failure("xen:web", "l", XEN_4_17, "x", 22)).hasMessageContaining("errno 22");
    }

    @Test
    void registersAreReadFromTheirPlaces() {
        ByteBuffer record = ByteBuffer.allocate(HvmCpu.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < record.capacity() / 4; i++) {
            record.putInt(i * 4, i * 4);
        }
        VcpuRegisters registers = HvmCpu.parse(3, record);
        assertThat(registers.vcpu()).isEqualTo(3);
        // The 8 bytes at offset n hold n and, above, n + 4.
        assertThat(registers.get(Register.RSP)).hasValue(572L << 32 | 568);
        assertThat(registers.get(Register.CR3)).hasValue(676L << 32 | 672);
        assertThat(registers.get(Register.KERNEL_GS_BASE)).hasValue(948L << 32 | 944);
        assertThat(registers.get(Register.CS)).hasValue(736);
        for (Register register : Register.values()) {
            assertThat(registers.get(register)).as(register.name()).isPresent();
        }
    }
}
