// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.guest;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The lab itself: the guests' lists, against which hpt is measured, must show what the guests really run. */
class KnownTreeTest {
    @Test
    void amd64GuestShowsItsTree() throws IOException {
        showsItsTree(GuestSpec.of("bookworm-amd64").append("hpt.procs=3 hpt.threads=5 hpt.spin").cpus(2));
    }

    @Test
    void i386GuestShowsItsTree() throws IOException {
        showsItsTree(GuestSpec.of("bookworm-686-pae").append("hpt.procs=3 hpt.threads=5 hpt.spin").cpus(2));
    }

    private static void showsItsTree(GuestSpec spec) throws IOException {
        try (TestGuest guest = TestGuest.boot(spec)) {
            TaskList list = guest.list();
            int init = list.named("init").pid();
            assertThat(init).isEqualTo(1);
            for (String name : List.of("syslogd", "cron", "exactly15chars_", " name  with spa", "(parens) (odd",
                    ") S 1 2 3", "日本é€", "🐧 linux", "cut 日本語\\xe6\\x97", "bad \\xff\\xfe\\x80 utf8",
                    "ctl\n\t\r\u001b[31m\u007f\u0001", "c1 \u009b31m", "back\\slash", "\"quo\"te',;=+@", "",
                    "sleeper0", "sleeper2")) {
                assertThat(list.named(name)).as(name).returns('S', GuestTask::state).returns(1, GuestTask::ppid)
                        .returns(0L, GuestTask::euid);
            }
            int sshd = list.named("sshd").pid();
            assertThat(list.named("sshd-session-1").ppid()).isEqualTo(sshd);
            assertThat(list.named("dbus-daemon").euid()).isEqualTo(101);
            assertThat(list.named("su").euid()).isZero();
            assertThat(list.named("big uid").euid()).isEqualTo(3000000000L);
            int java = list.named("java").pid();
            assertThat(list.named("GC Thread#1")).returns(java, GuestTask::pid).returns(1, GuestTask::ppid);
            assertThat(list.named("thread's child").ppid()).isEqualTo(java);
            assertThat(list.named("dead leader").state()).isEqualTo('Z');
            assertThat(list.named("survivor").pid()).isEqualTo(list.named("dead leader").pid());
            assertThat(list.named("zombie")).returns('Z', GuestTask::state)
                    .returns(list.named("zombie's parent").pid(), GuestTask::ppid);
            assertThat(list.named("stopped").state()).isEqualTo('T');
            assertThat(list.named("vfork parent").state()).isEqualTo('D');
            assertThat(list.named("traced")).returns('t', GuestTask::state).returns(1, GuestTask::ppid);
            assertThat(list.named("orphan").ppid()).isEqualTo(1);
            assertThat(list.named("inside").ppid()).isEqualTo(list.named("container init").pid());
            assertThat(list.tasks().stream().filter(t -> t.name().equals("one of many"))).hasSize(5);
            assertThat(list.named("kthreadd")).returns(2, GuestTask::pid).returns(0, GuestTask::ppid);

            Lister.Count before = guest.count();
            assertThat(guest.spin()).isEqualTo(2);
            TaskList spinning = guest.list();
            assertThat(spinning.named("spin0").state()).isEqualTo('R');
            assertThat(spinning.named("spin1").state()).isEqualTo('R');
            Lister.Count after = guest.count();
            assertThat(after.count()).isGreaterThan(before.count());
            assertThat(after.monotonicNanos()).isGreaterThan(before.monotonicNanos());
            assertThat(guest.wasStopped()).isFalse();
        }
    }
}
