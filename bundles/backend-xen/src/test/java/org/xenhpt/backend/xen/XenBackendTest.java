// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestInfo;
import org.xenhpt.api.guest.GuestState;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.Register;
import org.xenhpt.api.guest.VcpuRegisters;

class XenBackendTest {
    private static final String UUID = "0f5a2b6c-1111-2222-3333-444455556666";

    @TempDir
    private Path root;

    // The guest's watching thread asks too.
    private final Map<String, String> stored = new ConcurrentSkipListMap<>();
    private final Map<Integer, DomainInfo> known = new HashMap<>();
    private final Thread mine = Thread.currentThread();
    private final List<String> opened = new ArrayList<>();
    private final FakeForeignMemory foreign = new FakeForeignMemory();
    private Optional<HptException> noControl = Optional.empty();
    private Optional<HptException> failure = Optional.empty();
    private volatile OptionalLong toPopulate = OptionalLong.of(0);
    private final AtomicInteger openHandles = new AtomicInteger();
    private XenBackend backend;

    private final class Store implements XenStore {
        Store() {
            openHandles.incrementAndGet();
        }

        @Override
        public List<String> directory(String path) {
            TreeSet<String> names = new TreeSet<>();
            stored.keySet().stream().filter(key -> key.startsWith(path + "/"))
                    .forEach(key -> names.add(key.substring(path.length() + 1).split("/")[0]));
            return List.copyOf(names);
        }

        @Override
        public Optional<String> read(String path) {
            return Optional.ofNullable(stored.get(path));
        }

        @Override
        public boolean introduced(int domid) {
            return stored.containsKey("/local/domain/" + domid + "/name");
        }

        @Override
        public void close() {
            openHandles.decrementAndGet();
        }
    }

    private final class FakeControl implements Control {
        FakeControl() {
            openHandles.incrementAndGet();
        }

        @Override
        public Optional<DomainInfo> info(int domid) {
            return Optional.ofNullable(known.get(domid));
        }

        @Override
        public OptionalLong maximumGfn(int domid) {
            return OptionalLong.of(0xff000);
        }

        @Override
        public OptionalLong toPopulate(int domid) {
            return toPopulate;
        }

        @Override
        public Optional<VcpuRegisters> registers(int domid, int vcpu) {
            failure.ifPresent(thrown -> {
                throw thrown;
            });
            return vcpu == 1 ? Optional.empty()
                    : Optional.of(new VcpuRegisters(vcpu, Map.of(Register.RSP, 0x1000L + vcpu)));
        }

        @Override
        public void close() {
            openHandles.decrementAndGet();
        }
    }

    @BeforeEach
    void dom0() throws IOException {
        write("sys/hypervisor/type", "xen\n");
        write("sys/hypervisor/version/major", "4\n");
        write("sys/hypervisor/version/minor", "17\n");
        write("proc/xen/capabilities", "control_d\n");
        write("dev/xen/privcmd", "");
        backend = new XenBackend(new XenHost(root), new XenBackend.Libraries() {
            @Override
            public XenStore store(String subject, XenHost host) {
                opened("xenstore");
                return new Store();
            }

            @Override
            public ForeignMemory memory(String subject, int domid) {
                opened("memory of " + domid);
                return foreign;
            }

            @Override
            public Control control(String subject, Optional<XenHost.Version> version) {
                opened("control of " + version.map(XenHost.Version::toString).orElse("?"));
                if (noControl.isPresent()) {
                    throw noControl.get();
                }
                return new FakeControl();
            }
        });
        domain(0, "Domain-0", "pv");
        domain(7, "web", "hvm");
        stored.put("/local/domain/7/vm", "/vm/" + UUID);
    }

    /** What the guest's watching thread opens is not counted. */
    private void opened(String what) {
        if (Thread.currentThread() == mine) {
            opened.add(what);
        }
    }

    private void write(String file, String text) throws IOException {
        Files.createDirectories(root.resolve(file).getParent());
        Files.writeString(root.resolve(file), text);
    }

    private void domain(int domid, String name, String type) {
        String base = "/local/domain/" + domid;
        stored.put(base + "/name", name);
        stored.put(base + "/vm", "/vm/00000000-0000-0000-0000-" + domid);
        stored.put("/libxl/" + domid + "/type", type);
        stored.put(base + "/memory/static-max", "196608");
        stored.put(base + "/memory/target", "188416");
        stored.put(base + "/memory/videoram", "8192");
        stored.put(base + "/cpu/0/availability", "online");
        stored.put(base + "/cpu/1/availability", "offline");
        known.put(domid, new DomainInfo(domid, !type.equals("pv"), true, false, GuestState.RUNNING, 49000, 50000, 2));
    }

    private HptException refused(String name) {
        HptException[] thrown = new HptException[1];
        assertThatThrownBy(() -> backend.open(GuestUri.parse("xen:" + name)))
                .isInstanceOfSatisfying(HptException.class, e -> thrown[0] = e);
        everythingIsClosed();
        assertThat(foreign.mapped).isEmpty();
        return thrown[0];
    }

    @Test
    void theControlLibraryStaysOpenBetweenReadingsOfRegisters() {
        Guest guest = backend.open(GuestUri.parse("xen:web"));
        opened.clear();
        for (int i = 0; i < 3; i++) {
            assertThat(guest.registers(2)).isPresent();
            assertThat(guest.registers()).hasSize(2);
        }
        assertThat(Collections.frequency(opened, "control of 4.17")).isEqualTo(1);
        guest.close();
        everythingIsClosed();
    }

    @Test
    void aFailureOfTheControlLibraryIsNotKept() {
        try (Guest guest = backend.open(GuestUri.parse("xen:web"))) {
            guest.registers();
            failure = Optional.of(new HptException(Step.BACKEND, Reason.ACCESS_DENIED, "", "not now"));
            assertThatThrownBy(guest::registers).isSameAs(failure.get());
            assertThatThrownBy(guest::registers).isSameAs(failure.get());
            failure = Optional.empty();
            assertThat(guest.registers()).hasSize(2);
        }
        everythingIsClosed();
    }

    @Test
    void aDestroyedGuestHasNoRegisters() {
        try (Guest guest = backend.open(GuestUri.parse("xen:web"))) {
            known.clear();
            assertThatThrownBy(() -> guest.registers(0)).isInstanceOfSatisfying(HptException.class,
                    gone -> assertThat(gone.reason()).isEqualTo(Reason.GUEST_GONE));
        }
        everythingIsClosed();
    }

    /** The watching thread of a guest that was open for a second closes its own, a moment after the guest is closed. */
    private void everythingIsClosed() {
        Assertions.assertTimeoutPreemptively(Duration.ofSeconds(120), () -> {
            while (openHandles.get() != 0) {
                Thread.sleep(20);
            }
        });
    }

    @Test
    void guestsAreListedWithNumberNameTypeAndPaging() {
        domain(12, "tiny", "pvh");
        known.put(12, new DomainInfo(12, true, false, false, GuestState.PAUSED, 1, 1, 0));
        domain(9, "para", "pv");
        assertThat(backend.guests()).containsExactly(
                new GuestInfo(new GuestUri("xen", "7"), "web", "HVM, hap", GuestState.RUNNING, 192L << 20, 1),
                new GuestInfo(new GuestUri("xen", "9"), "para", "PV", GuestState.RUNNING, 192L << 20, 1),
                new GuestInfo(new GuestUri("xen", "12"), "tiny", "PVH, shadow", GuestState.PAUSED, 192L << 20, 1));
        assertThat(openHandles).hasValue(0);
    }

    @Test
    void withoutTheControlLibraryXenstoreTellsOfGuests() {
        noControl = Optional.of(new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, "", "none"));
        assertThat(backend.guests()).containsExactly(
                new GuestInfo(new GuestUri("xen", "7"), "web", "HVM", GuestState.UNKNOWN, 192L << 20, 1));
        try (Guest guest = backend.open(GuestUri.parse("xen:web"))) {
            assertThat(guest.memory().window(0x200000).bytes().getLong(0)).isEqualTo(0x200);
            assertThatThrownBy(guest::registers).isSameAs(noControl.get());
        }
    }

    @Test
    void elsewhereThereAreNoGuestsAndNothingIsLoaded() throws IOException {
        write("proc/xen/capabilities", "\n");
        assertThat(backend.guests()).isEmpty();
        assertThat(refused("web")).hasMessageContaining("not Domain 0");
        Files.delete(root.resolve("proc/xen/capabilities"));
        Files.delete(root.resolve("proc/xen"));
        Files.delete(root.resolve("sys/hypervisor/type"));
        assertThat(backend.guests()).isEmpty();
        HptException failure = refused("web");
        assertThat(failure.reason()).isEqualTo(Reason.NO_SUCH_GUEST);
        assertThat(failure).hasMessageContaining("does not run on Xen");
        assertThat(opened).isEmpty();
    }

    @Test
    void aXenstoreDaemonMakesADomain0WithoutXenfs() throws IOException {
        Files.delete(root.resolve("proc/xen/capabilities"));
        assertThat(backend.guests()).isEmpty();
        write("run/xenstored/socket", "");
        assertThat(backend.guests()).hasSize(1);
    }

    @Test
    void withoutTheKernelModuleNothingIsLoaded() throws IOException {
        Files.delete(root.resolve("dev/xen/privcmd"));
        assertThat(refused("web")).hasMessageContaining("xen-privcmd");
        assertThat(opened).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"web", "7", UUID, "0F5A2B6C-1111-2222-3333-444455556666"})
    void aGuestIsFoundByNameNumberOrUuid(String name) {
        try (Guest guest = backend.open(new GuestUri("xen", name))) {
            assertThat(guest.info()).isEqualTo(new GuestInfo(new GuestUri("xen", name), "web", "HVM, hap",
                    GuestState.RUNNING, 192L << 20, 1));
            assertThat(guest.memory().ranges()).containsExactly(new MemoryRange(0, 0xa0000),
                    new MemoryRange(0xc0000, (192L << 20) - 0xc0000));
            assertThat(guest.registers()).extracting(VcpuRegisters::vcpu).containsExactly(0, 2);
        }
        assertThat(opened).contains("memory of 7", "control of 4.17");
        assertThat(foreign.mapped).isEmpty();
        assertThat(foreign.log).last().isEqualTo("close");
    }

    @ParameterizedTest
    @ValueSource(strings = {"nosuch", "8", "07", "+7", "-1", "99999999999", "WEB", "/", "7/../7"})
    void anUnknownGuestIsToldWithThoseThereAre(String name) {
        HptException failure = refused(name);
        assertThat(failure.reason()).isEqualTo(Reason.NO_SUCH_GUEST);
        assertThat(failure.next()).contains("web");
    }

    @Test
    void domain0IsNoGuest() {
        assertThat(refused("0")).hasMessageContaining("Domain 0 is no guest");
        assertThat(refused("Domain-0")).hasMessageContaining("Domain 0 is no guest");
    }

    @Test
    void pvGuestsAreRefused() {
        domain(8, "para", "pv");
        HptException failure = refused("para");
        assertThat(failure.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
        assertThat(failure).hasMessageContaining("PV guest");
        stored.remove("/libxl/8/type");
        assertThat(refused("para")).hasMessageContaining("PV guest");
        assertThat(opened).doesNotContain("memory of 8");
    }

    @Test
    void guestsThatArePopulatedOnDemandAreLeftAlone() {
        toPopulate = OptionalLong.of(12345);
        assertThat(refused("web")).hasMessageContaining("12345 pages that are populated on demand");
        toPopulate = OptionalLong.empty();
        stored.put("/local/domain/7/memory/target", "100000");
        assertThat(refused("web")).hasMessageContaining("nothing tells");
        noControl = Optional.of(new HptException(Step.BACKEND, Reason.UNREADABLE_GUEST, "", "no libxenctrl"));
        assertThat(refused("web")).hasMessageContaining("no libxenctrl");
        noControl = Optional.empty();
        // Xen tells that the balloon driver has given all back.
        toPopulate = OptionalLong.of(0);
        backend.open(GuestUri.parse("xen:web")).close();
        assertThat(foreign.mapped).isEmpty();
    }

    @Test
    void aGuestWhoseMemoryIsChangedIsLeftAloneUntilItIsPopulated() {
        try (Guest guest = backend.open(GuestUri.parse("xen:web"))) {
            guest.memory().window(0x200000);
            toPopulate = OptionalLong.of(77);
            stored.put("/local/domain/7/memory/target", "150000");
            Assertions.assertTimeoutPreemptively(Duration.ofSeconds(120), () -> {
                assertThat(readingUntil(guest, true)).contains("77 pages that are populated on demand");
                toPopulate = OptionalLong.of(0);
                readingUntil(guest, false);
            });
            assertThat(guest.memory().window(0x400000).bytes().getLong(0)).isEqualTo(0x400);
        }
        everythingIsClosed();
        assertThat(foreign.mapped).isEmpty();
    }

    /** Reads until that fails, or no longer does; gives the last failure. */
    private static String readingUntil(Guest guest, boolean fails) throws InterruptedException {
        String failure = "";
        while (true) {
            try {
                guest.memory().refresh();
                if (!fails) {
                    return failure;
                }
            } catch (HptException e) {
                assertThat(e.reason()).isEqualTo(Reason.UNREADABLE_GUEST);
                failure = e.getMessage();
                if (fails) {
                    return failure;
                }
            }
            Thread.sleep(20);
        }
    }

    @Test
    void messagesOfXensLibrariesAreOneLine() {
        assertThat(ToolLog.oneLine("xc: error: Could not do it (1 = Operation not permitted): Internal error\n\n"
                + "xenforeignmemory: error: ioctl failed: Bad\nxc: error: ioctl failed: Bad\n"))
                .isEqualTo("Could not do it (1 = Operation not permitted): Internal error; ioctl failed: Bad");
        assertThat(ToolLog.oneLine("")).isEmpty();
    }

    @Test
    void senselessSizesAreNoSizes() {
        for (String size : List.of("-5", "9999999999999999999", "1e3", "", "4611686018427387904")) {
            stored.put("/local/domain/7/memory/static-max", size);
            stored.remove("/local/domain/7/memory/target");
            assertThat(backend.guests().get(0).memoryBytes()).as(size).isEqualTo(49000L << 12);
            try (Guest guest = backend.open(GuestUri.parse("xen:web"))) {
                assertThat(guest.memory().ranges()).last()
                        .isEqualTo(new MemoryRange(0xc0000, (50000L << 12) - 0xc0000));
            }
        }
        known.clear();
        assertThat(refused("web")).hasMessageContaining("nothing tells how much memory");
    }

    @Test
    void aLongNameIsCut() {
        stored.put("/local/domain/7/name", "x".repeat(4096));
        assertThat(backend.guests().get(0).name()).hasSize(256);
    }

    @Test
    void aRefusedGuestIsClosed() {
        foreign.allErrors = Errno.EPERM;
        assertThat(refused("web").reason()).isEqualTo(Reason.ACCESS_DENIED);
        assertThat(foreign.log).last().isEqualTo("close");
    }

    @Test
    void aDestroyedGuestIsLetGoWithoutBeingRead() {
        try (Guest guest = backend.open(GuestUri.parse("xen:web"))) {
            guest.memory().window(0x200000);
            stored.clear();
            Assertions.assertTimeoutPreemptively(Duration.ofSeconds(120), () -> {
                while (true) {
                    try {
                        guest.memory().refresh();
                        Thread.sleep(20);
                    } catch (HptException e) {
                        assertThat(e.reason()).isEqualTo(Reason.GUEST_GONE);
                        return;
                    }
                }
            });
            assertThat(foreign.mapped).isEmpty();
        }
    }

    @Test
    void rangesFollowTheToolstacksLayout() {
        long gib = 1L << 30;
        assertThat(MemoryLayout.of(false, 8 * gib, OptionalLong.of(0x20ffffL))).containsExactly(
                new MemoryRange(0, 0xa0000), new MemoryRange(0xc0000, 0xf0000000L - 0xc0000),
                new MemoryRange(4 * gib, 0x110000000L));
        assertThat(MemoryLayout.of(true, 4 * gib, OptionalLong.empty())).containsExactly(
                new MemoryRange(0, 0xa0000), new MemoryRange(0xc0000, 0xfef00000L - 0xc0000),
                new MemoryRange(4 * gib, 4 * gib - 0xfef00000L));
        // Devices far above RAM, and nonsense, do not make it larger.
        assertThat(MemoryLayout.of(false, 3 * gib, OptionalLong.of(1L << 39))).last()
                .isEqualTo(new MemoryRange(4 * gib, gib));
        assertThat(MemoryLayout.of(false, gib, OptionalLong.of(-1))).last()
                .isEqualTo(new MemoryRange(0xc0000, gib - 0xc0000));
        assertThat(MemoryLayout.of(false, 4096, OptionalLong.of(0xff000))).containsExactly(new MemoryRange(0, 4096));
    }
}
