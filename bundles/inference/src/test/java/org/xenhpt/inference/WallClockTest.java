// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.decoder.linux2624.Linux2624Decoder;

class WallClockTest {
    private static final long BOOTED = 1_700_000_000_500_000_000L;

    private static FakeKernel kernel(PagingMode paging, String release) {
        Map<String, Integer> layout = InferenceTest.layout(paging);
        layout.put("task_struct.start_boottime",
                layout.get("task_struct.start_time") + (paging == PagingMode.LEVEL_4 ? 16 : 8));
        return new FakeKernel(layout, paging, release).usual();
    }

    private static Profile profile(FakeKernel kernel) {
        return new InferredProfiles().find(kernel.guest(), kernel.identity(), kernel.space(), Needs.NONE, Progress.NONE)
                .orElseThrow();
    }

    private static long booted(FakeKernel kernel, Profile profile) {
        return new Linux2624Decoder().attach(new Kernel(kernel.identity(), profile), kernel.space())
                .read(TaskQuery.PROCESSES).bootEpochNanos();
    }

    private static long booted(FakeKernel kernel) {
        return booted(kernel, profile(kernel));
    }

    @ParameterizedTest
    @EnumSource(value = PagingMode.class, names = {"LEVEL_4", "PAE"})
    void timekeeperHasItsOffsetBehindIt(PagingMode paging) {
        FakeKernel kernel = kernel(paging, "3.16.0-4");
        Profile profile = profile(kernel);
        assertThat(profile.symbols()).containsEntry("wall_to_monotonic", kernel.wallClock())
                .containsEntry("total_sleep_time", kernel.wallClock() + (paging == PagingMode.LEVEL_4 ? 24 : 16));
        assertThat(booted(kernel, profile)).isEqualTo(BOOTED);
        assertThat(new InferredProfiles().confirm(profile, kernel.guest(), kernel.identity(), kernel.space(),
                Progress.NONE)).hasValueSatisfying(again -> assertThat(again.symbols()).isEqualTo(profile.symbols()));
    }

    @Test
    void theTimeInWhichTheMachineWasSuspendedCounts() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4, "3.16.0-4");
        long sleep = kernel.wallClock() + 24;
        kernel.word(sleep, 60);
        kernel.word(sleep + 16, 60_000_000_000L);
        assertThat(booted(kernel)).isEqualTo(BOOTED - 60_000_000_000L);
    }

    /** As variables of 2.6.32 to 3.3, in any order. */
    private static void asVariables(FakeKernel kernel, long raw) {
        long wall = kernel.wallClock();
        // No offs_real, but xtime and raw_time: now is 100.25 s after the guest was booted.
        kernel.word(wall + 16, 0);
        kernel.word(wall + 24, 0);
        kernel.word(wall - 16, 1_700_000_100L);
        kernel.word(wall - 8, 750_000_000);
        kernel.word(wall + 32, raw / 1_000_000_000);
        kernel.word(wall + 40, raw % 1_000_000_000);
    }

    /** 3.4 has the struct already, and not yet the offset in it. */
    @ParameterizedTest
    @ValueSource(strings = {"2.6.32-5", "3.2.0-4", "3.4.0+"})
    void withoutItsOffsetOtherTimesBearItOut(String release) {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4, release);
        asVariables(kernel, 100_249_000_000L);
        assertThat(booted(kernel)).isEqualTo(BOOTED);
    }

    @Test
    void timesThatDoNotFitBearNothingOut() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4, "3.2.0-4");
        asVariables(kernel, 101_000_000_000L);
        assertThat(booted(kernel)).isEqualTo(Task.UNKNOWN);
        FakeKernel early = kernel(PagingMode.LEVEL_4, "3.2.0-4");
        asVariables(early, 250_000_000L);
        // Earlier than tasks that are there already.
        early.word(early.wallClock() - 16, 1_700_000_000L);
        assertThat(booted(early)).isEqualTo(Task.UNKNOWN);
    }

    /** Where raw_time is the clocksource's, three numbers that look like one time, one before it and their difference. */
    @ParameterizedTest
    @ValueSource(strings = {"2.6.29-qemu", "2.6.31"})
    void beforeTheTimekeeperTheCacheOfTheTimeBearsItOut(String release) {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4, release);
        asVariables(kernel, 0);
        kernel.word(kernel.wallClock() + 48, 1_700_000_101L);
        kernel.word(kernel.wallClock() + 56, 160_000_000);
        long other = kernel.wallClock() + 0x800;
        kernel.word(other, -0x39000000);
        kernel.word(other + 16, 0x39000000 + 100);
        kernel.word(other + 32, 100);
        assertThat(booted(kernel)).isEqualTo(BOOTED);
        // A second and more later than xtime: no cache of it.
        kernel.word(kernel.wallClock() + 48, 1_700_000_102L);
        assertThat(booted(kernel)).isEqualTo(Task.UNKNOWN);
    }

    @Test
    void ofTwoDifferentOnesNeitherIsBelieved() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4, "3.16.0-4");
        long other = kernel.wallClock() + 0x800;
        kernel.word(other, -1_600_000_001L);
        kernel.word(other + 8, 250_000_000);
        kernel.word(other + 16, 1_600_000_000_750_000_000L);
        assertThat(booted(kernel)).isEqualTo(Task.UNKNOWN);
    }

    /** Where variables lie in any order, nothing tells which is total_sleep_time. */
    @Test
    void aSuspendedMachineWhoseSleepIsNotFoundHasNoTime() {
        FakeKernel kernel = kernel(PagingMode.LEVEL_4, "3.2.0-4");
        assertThat(booted(kernel)).isEqualTo(BOOTED);
        long last = kernel.processes().get(kernel.processes().size() - 1);
        long boot = kernel.member(last, "task_struct.start_boottime");
        kernel.word(boot, kernel.get(boot) + 60);
        assertThat(booted(kernel)).isEqualTo(Task.UNKNOWN);
    }
}
