// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.MemoryRange;
import org.xenhpt.api.guest.MemoryWindow;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.process.Gap;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.progress.Progress;

class FakeLinuxTest {
    @Test
    void aPatchedKernelHasItsMembersWhereTheProfileSays() {
        FakeLinux linux = new FakeLinux(false, new FakePatch("6.1.0-acme").rename("task_struct", "comm", "acme_name")
                .move("task_struct", "comm", 0x300).add("task_struct", "prio", 0x80, 4, "int"));
        long init = linux.process(1, linux.initTask(), 0, "init");
        linux.put(init, "prio", 120);
        Profile profile = linux.kernel().profile();

        assertThat(profile.member("task_struct", "comm")).isEmpty();
        assertThat(profile.member("task_struct", "acme_name")).contains(new Member(0x300, 16, "char[16]"));
        assertThat(linux.space().readInt(init + 0x80)).isEqualTo(120);
        byte[] name = new byte[5];
        linux.space().read(init + 0x300, name, 0, 5);
        assertThat(name).isEqualTo(new byte[] {'i', 'n', 'i', 't', 0});
        assertThat(linux.kernel().identity().release()).isEqualTo("6.1.0-acme");
        assertThat(new FakeLinux(false).kernel().profile().member("task_struct", "comm")).isPresent();
    }

    @Test
    void aPatchThatCannotBeIsRefused() {
        refused(new FakePatch("a").move("task_struct", "comm", 0x150), "lies over");
        refused(new FakePatch("a").move("task_struct", "comm", 0x400), "1024 bytes");
        refused(new FakePatch("a").move("task_struct", "prio", 0x80), "has no task_struct.prio");
        refused(new FakePatch("a").rename("task_struct", "prio", "priority"), "has no task_struct.prio");
        refused(new FakePatch("a").add("rq", "curr", 0, 8, "struct task_struct *"), "has no struct rq");
    }

    private static void refused(FakePatch patch, String why) {
        assertThatThrownBy(() -> new FakeLinux(false, patch)).isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(why);
    }

    @Test
    void aFrontEndTellsWhatItWasGiven() {
        FakeLinux linux = new FakeLinux(true);
        long init = linux.process(1, linux.initTask(), 0, "init");
        long nginx = linux.process(33, init, 101, "nginx");
        linux.thread(34, nginx, "nginx-io");
        linux.run(nginx);
        FakeFrontEnd frontEnd = new FakeFrontEnd().guest("web", linux);

        Session session = frontEnd.attach(GuestUri.parse("fake:web"), Progress.NONE);
        assertThat(session.processes(TaskQuery.PROCESSES).tasks()).extracting(Task::name).containsExactly("init", "nginx");
        assertThat(session.processes(TaskQuery.THREADS).tasks()).extracting(Task::pid).containsExactly(1, 33, 34);
        assertThat(session.current(false)).extracting(each -> each.task().pid()).containsExactly(33);
        assertThat(frontEnd.gaps(new Gap("all", "no reason")).openSessions()).isEqualTo(1);
        assertThat(session.processes(TaskQuery.PROCESSES).gaps()).hasSize(1);
        session.close();
        session.close();
        assertThat(frontEnd.openSessions()).isZero();
        assertThat(frontEnd.guests().guests()).extracting(guest -> guest.uri().toString()).containsExactly("fake:web");
        assertThatThrownBy(() -> frontEnd.attach(GuestUri.parse("fake:db"), Progress.NONE)).isInstanceOf(HptException.class)
                .hasMessageContaining("fake:db").hasMessageContaining("web");
    }

    @Test
    void isWrittenAsARawImage(@TempDir Path folder) throws IOException {
        FakeLinux linux = new FakeLinux(false);
        Path file = folder.resolve("raw");
        linux.memory().writeTo(file);
        assertThat(Files.size(file)).isEqualTo(64 << 20);
        byte[] found = new byte[64 << 20];
        try (FileChannel from = FileChannel.open(file)) {
            ByteBuffer to = ByteBuffer.wrap(found);
            while (to.hasRemaining() && from.read(to) >= 0) {
                continue;
            }
        }
        byte[] expected = new byte[64 << 20];
        linux.memory().read(0, expected, 0, expected.length);
        assertThat(Arrays.equals(found, expected)).isTrue();
    }

    // GuestCheck finds what is wrong with a backend

    private static FakeMemory memory() {
        return new FakeMemory(false, new MemoryRange(0, 0x4000), new MemoryRange(0x8000, 0x2000)).putLong(0x2ffc, 42)
                .putLong(0x9ff8, 43);
    }

    private static class Wrong implements PhysicalMemory {
        private final PhysicalMemory right = memory();

        @Override
        public List<MemoryRange> ranges() {
            return right.ranges();
        }

        @Override
        public boolean live() {
            return false;
        }

        @Override
        public MemoryWindow window(long gpa) {
            return right.window(gpa);
        }
    }

    private static void found(PhysicalMemory memory, String what) {
        Guest guest = new FakeGuest(memory);
        assertThatThrownBy(() -> GuestCheck.check(guest, memory())).isInstanceOf(AssertionError.class)
                .hasMessageContaining(what);
    }

    @Test
    void aBackendIsChecked() {
        GuestCheck.check(new FakeGuest(memory()), memory());
        found(new Wrong() {
            @Override
            public List<MemoryRange> ranges() {
                return List.of(new MemoryRange(0, 0x4000));
            }
        }, "its ranges are");
        found(new Wrong() {
            @Override
            public MemoryWindow window(long gpa) {
                return gpa >> 12 == 2 ? MemoryWindow.NONE : super.window(gpa);
            }
        }, "GPA 0x2000");
        found(new Wrong() {
            @Override
            public MemoryWindow window(long gpa) {
                return super.window(gpa == 0x3fff ? 0x2fff : gpa);
            }
        }, "does not hold it");
        found(new Wrong() {
            @Override
            public MemoryWindow window(long gpa) {
                return gpa >> 12 == 6 || gpa >> 12 == 7 ? super.window(0) : super.window(gpa);
            }
        }, "there is memory before");
        found(new Wrong() {
            @Override
            public MemoryWindow window(long gpa) {
                return super.window(gpa < 0 ? 0 : gpa);
            }
        }, "which is in no range");
        found(memory().putByte(0x9fff, 1), "GPA 0x9fff is not what it should be");
        found(memory().putByte(0x3001, 1), "GPA 0x3001 is not what it should be");
    }
}
