// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.progress.Progress;

/** Sessions that a shell keeps between commands. */
class SessionsTest {
    private static final GuestUri GUEST = new GuestUri("qemu", "a");
    private final FakePlatform platform = new FakePlatform();

    private Sessions.Lease attach() {
        return platform.sessions.attach(GUEST, Progress.NONE);
    }

    @Test
    void aSingleCommandClosesItsSession() {
        attach().close();
        assertThat(platform.closed).isOne();
        assertThat(platform.watched).isFalse();
    }

    @Test
    void aShellKeepsThemAndWatchesTheProfiles() {
        platform.sessions.keep();
        assertThat(platform.watched).isTrue();
        attach().close();
        attach().close();
        assertThat(platform.attached).hasSize(1);
        assertThat(platform.closed).isZero();
        platform.sessions.forget();
        assertThat(platform.closed).isOne();
    }

    @Test
    void oneThatIsUsedAgainIsBroughtUpToDate() {
        platform.sessions.keep();
        attach().close();
        assertThat(platform.refreshed).isZero();
        attach().close();
        assertThat(platform.refreshed).isOne();
        assertThat(platform.attached).hasSize(1);
    }

    @Test
    void oneThatCannotBeBroughtUpToDateIsReplacedAndLeftOpenToWhoUsesIt() {
        platform.sessions.keep();
        Sessions.Lease inUse = attach();
        platform.staleness = Optional.of(new HptException(Step.BACKEND, Reason.GUEST_GONE, "qemu:a", "is gone"));
        attach().close();
        assertThat(platform.attached).hasSize(2);
        assertThat(platform.closed).as("somebody still uses it").isZero();
        inUse.close();
        assertThat(platform.closed).as("nobody uses it, and it is not for later commands").isOne();
        platform.sessions.forget();
        assertThat(platform.closed).isEqualTo(2);
    }

    @Test
    void whatComesAndGoesTearsDownNoSessionInUse() {
        platform.sessions.keep();
        Sessions.Lease inUse = attach();
        platform.sessions.forget();
        assertThat(platform.closed).isZero();
        inUse.close();
        assertThat(platform.closed).isOne();
    }

    @Test
    void whatWasTakenAwayIsToldOnce() {
        platform.sessions.keep();
        attach().close();
        platform.staleness = Optional.of(new HptException(Step.BACKEND, Reason.TAKEN_AWAY, "qemu:a", "was taken away"));
        assertThatThrownBy(this::attach).isInstanceOf(HptException.class).hasMessageContaining("was taken away");
        assertThat(platform.closed).isOne();
        attach().close();
        assertThat(platform.attached).hasSize(2);
    }

    @Test
    void aGuestThatLacksSomethingStaysAttached() {
        platform.sessions.keep();
        platform.problem = Optional.of(new HptException(Step.PROFILE, Reason.NO_PROFILE, "qemu:a", "no profile"));
        attach().close();
        attach().close();
        assertThat(platform.attached).hasSize(1);
        assertThat(platform.refreshed).isOne();
    }
}
