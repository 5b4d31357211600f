// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.decoder.linux49.Linux49Decoder;

class InferenceTest {
    private static final Duration HANG = Duration.ofSeconds(120);

    /** A layout of 64-bit kernels. */
    private static Map<String, Integer> wide() {
        Map<String, Integer> at = new HashMap<>(Map.of("task_struct", 0xc00, "signal_struct", 0x400, "cred", 0xa8,
                "cred.uid", 8, "timekeeper", 0x120, "signal_struct.thread_head", 0x10, "signal_struct.rlim", 0x2a8,
                "signal_struct.sum_sched_runtime", 0x2a0));
        at.putAll(Map.of("task_struct.__state", 0x18, "task_struct.stack", 0x20, "task_struct.flags", 0x2c,
                "task_struct.se", 0x80, "sched_entity.sum_exec_runtime", 0x48, "task_struct.tasks", 0x390,
                "task_struct.mm", 0x3e0, "task_struct.active_mm", 0x3e8, "task_struct.exit_state", 0x404,
                "task_struct.pid", 0x470));
        at.putAll(Map.of("task_struct.tgid", 0x474, "task_struct.real_parent", 0x480, "task_struct.parent", 0x488,
                "task_struct.children", 0x490, "task_struct.sibling", 0x4a0, "task_struct.group_leader", 0x4b0,
                "task_struct.thread_node", 0x530, "task_struct.worker_private", 0x558, "task_struct.start_time", 0x5d8,
                "task_struct.start_boottime", 0x5e0));
        at.putAll(Map.of("task_struct.real_cred", 0x688, "task_struct.cred", 0x690, "task_struct.comm", 0x6a0,
                "task_struct.signal", 0x700, "kthread.data", 0x18, "worker.task", 0x40, "worker.pool", 0x48,
                "worker.desc", 0x74, "timekeeper.offs_real", 0x90));
        return at;
    }

    /** A layout of 32-bit kernels, where a u64 is aligned like an int. */
    private static Map<String, Integer> narrow() {
        Map<String, Integer> at = new HashMap<>(Map.of("task_struct", 0x900, "signal_struct", 0x300, "cred", 0x80,
                "cred.uid", 4, "timekeeper", 0x120, "signal_struct.thread_head", 0x10, "signal_struct.rlim", 0x1ec,
                "signal_struct.sum_sched_runtime", 0x1e4));
        at.putAll(Map.of("task_struct.__state", 0x10, "task_struct.stack", 0x14, "task_struct.flags", 0x1c,
                "task_struct.se", 0x80, "sched_entity.sum_exec_runtime", 0x28, "task_struct.tasks", 0x1c8,
                "task_struct.mm", 0x1f0, "task_struct.active_mm", 0x1f4, "task_struct.exit_state", 0x20c,
                "task_struct.pid", 0x254));
        at.putAll(Map.of("task_struct.tgid", 0x258, "task_struct.real_parent", 0x260, "task_struct.parent", 0x264,
                "task_struct.children", 0x268, "task_struct.sibling", 0x270, "task_struct.group_leader", 0x278,
                "task_struct.thread_node", 0x2b8, "task_struct.worker_private", 0x2cc, "task_struct.start_time", 0x304,
                "task_struct.start_boottime", 0x30c));
        at.putAll(Map.of("task_struct.real_cred", 0x378, "task_struct.cred", 0x37c, "task_struct.comm", 0x384,
                "task_struct.signal", 0x3bc, "kthread.data", 0x10, "worker.task", 0x20, "worker.pool", 0x24,
                "worker.desc", 0x40, "timekeeper.offs_real", 0x80));
        return at;
    }

    static Map<String, Integer> layout(PagingMode paging) {
        return paging == PagingMode.LEVEL_4 ? wide() : narrow();
    }

    private static Findings infer(FakeKernel kernel) {
        return new Inference(new KernelMemory(kernel.space(), kernel.identity())).run().orElseThrow();
    }

    private static void assertFound(Findings findings, Map<String, Integer> layout) {
        Map<String, Integer> found = new HashMap<>();
        findings.evidence().forEach(e -> found.put(e.struct() + "." + e.member(), e.offset()));
        Map<String, Integer> expected = new HashMap<>(layout);
        expected.keySet().retainAll(found.keySet());
        assertThat(found).containsAllEntriesOf(expected);
        assertThat(findings.missing()).filteredOn(m -> !m.startsWith("nr_threads")).isEmpty();
        assertThat(layout.keySet()).filteredOn(name -> name.contains(".")).allMatch(found::containsKey);
    }

    @ParameterizedTest
    @EnumSource(value = PagingMode.class, names = {"LEVEL_4", "PAE", "X86_32"})
    void everyMemberIsFound(PagingMode paging) {
        FakeKernel kernel = new FakeKernel(layout(paging), paging, "6.1.0-fake").usual();
        Findings findings = infer(kernel);
        assertThat(findings.symbols()).containsEntry("init_task", kernel.init());
        assertFound(findings, layout(paging));
    }

    @ParameterizedTest
    @EnumSource(value = PagingMode.class, names = {"LEVEL_4", "PAE"})
    void kernelsBefore317(PagingMode paging) {
        Map<String, Integer> layout = layout(paging);
        int start = layout.get("task_struct.start_time");
        layout.put("task_struct.start_boottime", start + (paging == PagingMode.LEVEL_4 ? 16 : 8));
        FakeKernel fake = new FakeKernel(layout, paging, "3.16.0-4").usual();
        Findings findings = infer(fake);
        Map<String, Integer> expected = new HashMap<>(layout);
        expected.put("task_struct.state", expected.remove("task_struct.__state"));
        expected.put("task_struct.real_start_time", expected.remove("task_struct.start_boottime"));
        expected.keySet().removeIf(name -> name.matches("(kthread|worker|timekeeper)[.].*|.*worker_private"));
        assertFound(findings, expected);
        Profile profile = new InferredProfiles().find(fake.guest(), fake.identity(), fake.space(), Needs.NONE,
                Progress.NONE).orElseThrow();
        Kernel kernel = new Kernel(fake.identity(), profile);
        var tasks = new Linux49Decoder().attach(kernel, fake.space()).read(TaskQuery.PROCESSES).tasks();
        // The third task made, init_task being the first.
        assertThat(tasks.get(1).startNanos()).isEqualTo(3_000_000_000L + 870_000_000L + 7);
    }

    @ParameterizedTest
    @EnumSource(value = PagingMode.class, names = {"LEVEL_4", "PAE"})
    void kernelsBefore314HaveNoHeadOfThreads(PagingMode paging) {
        Map<String, Integer> layout = layout(paging);
        int start = layout.get("task_struct.start_time");
        layout.put("task_struct.start_boottime", start + (paging == PagingMode.LEVEL_4 ? 16 : 8));
        layout.put("task_struct.thread_group", layout.remove("task_struct.thread_node"));
        layout.remove("signal_struct.thread_head");
        Findings findings = infer(new FakeKernel(layout, paging, "3.2.0-4").usual());
        Map<String, Integer> found = new HashMap<>();
        findings.evidence().forEach(e -> found.put(e.struct() + "." + e.member(), e.offset()));
        layout.put("task_struct.state", layout.remove("task_struct.__state"));
        layout.put("task_struct.real_start_time", layout.remove("task_struct.start_boottime"));
        layout.keySet().removeIf(name -> name.matches("(kthread|worker|timekeeper)[.].*|.*worker_private|[^.]*"));
        assertThat(found).containsAllEntriesOf(layout);
        assertThat(findings.missing()).as("it is not missed").isEmpty();
    }

    @ParameterizedTest
    @EnumSource(value = PagingMode.class, names = {"LEVEL_4", "PAE"})
    void kernelThreadsBefore58DoNotKeepTheirFunction(PagingMode paging) {
        Findings findings = infer(new FakeKernel(layout(paging), paging, "4.18.0-rc6").usual());
        Map<String, Integer> expected = layout(paging);
        expected.put("task_struct.state", expected.remove("task_struct.__state"));
        expected.put("task_struct.real_start_time", expected.remove("task_struct.start_boottime"));
        expected.put("task_struct.set_child_tid", expected.remove("task_struct.worker_private"));
        assertFound(findings, expected);
    }

    @ParameterizedTest
    @EnumSource(value = PagingMode.class, names = {"LEVEL_4", "PAE"})
    void noOffsetIsAssumed(PagingMode paging) {
        Random random = new Random(7);
        for (int round = 0; round < 5; round++) {
            Map<String, Integer> layout = layout(paging);
            // Everything from the list of tasks on moves, as options that add members move it.
            int shift = 8 * (1 + random.nextInt(60));
            int tasks = layout.get("task_struct.tasks");
            layout.replaceAll((name, offset) -> name.startsWith("task_struct.") && offset >= tasks ? offset + shift
                    : offset);
            layout.put("task_struct", layout.get("task_struct") + shift);
            assertFound(infer(new FakeKernel(layout, paging, "6.1.0-fake").usual()), layout);
        }
    }

    @ParameterizedTest
    @EnumSource(value = PagingMode.class, names = {"LEVEL_4", "PAE", "X86_32"})
    void aDecoderReadsWithTheProfile(PagingMode paging) {
        FakeKernel fake = new FakeKernel(layout(paging), paging, "6.1.0-fake").usual();
        Profile profile = new InferredProfiles().find(fake.guest(), fake.identity(), fake.space(), Needs.NONE,
                Progress.NONE).orElseThrow();
        assertThat(profile.origin().source()).isEqualTo("inference");
        assertThat(profile.origin().confidence()).isBetween(0.9, 0.96);
        assertThat(profile.origin().from()).contains("processes agree on");
        Kernel kernel = new Kernel(fake.identity(), profile);
        Linux49Decoder decoder = new Linux49Decoder();
        assertThat(decoder.fits(kernel)).isTrue();
        var table = decoder.attach(kernel, fake.space()).read(TaskQuery.THREADS);
        assertThat(table.gaps()).isEmpty();
        assertThat(table.bootEpochNanos()).isEqualTo(1_700_000_000_500_000_000L - 3);
        assertThat(table.tasks()).hasSize(fake.processes().size() + 3);
        assertThat(table.tasks()).filteredOn(t -> t.pid() == 202).singleElement().satisfies(t -> {
            assertThat(t.tgid()).isEqualTo(200);
            assertThat(t.ppid()).isEqualTo(1);
            assertThat(t.uid()).isEqualTo(33);
            assertThat(t.gid()).isEqualTo(16);
            assertThat(t.state()).isEqualTo('S');
            assertThat(t.name()).isEqualTo("worker 2");
            assertThat(t.cpuNanos()).isEqualTo(300_000_000L);
        });
        assertThat(table.tasks()).filteredOn(Task::kernel).extracting(Task::name)
                .contains("kthreadd", "kworker/0:0-events_0", "kworker/1:0");
    }

    @Test
    void aCopyOutsideTheImageLoses() {
        FakeKernel kernel = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake").usual();
        // The image of an earlier boot lies elsewhere in RAM, with an init_task that points to itself where it was.
        byte[] copy = new byte[0xc00];
        kernel.memory().read(kernel.gpa(kernel.init()), copy, 0, copy.length);
        kernel.memory().putBytes(8 << 20, copy);
        assertThat(infer(kernel).symbols()).containsEntry("init_task", kernel.init());
    }

    @Test
    void aForgedSecondInitTaskWithFewTasksLoses() {
        FakeKernel kernel = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake").usual();
        forge(kernel, kernel.init() - 0x8000, 12);
        forge(kernel, kernel.init() + 0x8000, 12);
        assertThat(infer(kernel).symbols()).containsEntry("init_task", kernel.init());
        assertFound(infer(kernel), wide());
    }

    /** An init_task in the image with a list of tasks that have names, and nothing else. */
    private static void forge(FakeKernel kernel, long init, int count) {
        long[] nodes = new long[count];
        for (int i = 0; i < count; i++) {
            long task = i == 0 ? init : FakeKernel.DIRECT_MAP_64 + (4 << 20) + i * 0x2000L;
            nodes[i] = kernel.member(task, "task_struct.tasks");
            kernel.memory().putString(kernel.gpa(kernel.member(task, "task_struct.comm")), i == 0 ? "swapper/0"
                    : "forged");
        }
        for (int i = 0; i < count; i++) {
            kernel.word(nodes[i], nodes[(i + 1) % count]);
            kernel.word(nodes[(i + 1) % count] + 8, nodes[i]);
        }
        for (String member : new String[] {"real_parent", "parent", "group_leader"}) {
            kernel.word(kernel.member(init, "task_struct." + member), init);
        }
    }

    @Test
    void aListThatCrossesAnotherIsNotBelieved() {
        FakeKernel kernel = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake").usual();
        // In the middle the list goes on in another task's list of children.
        long node = kernel.member(kernel.processes().get(9), "task_struct.tasks");
        kernel.word(node, kernel.member(kernel.processes().get(1), "task_struct.children"));
        assertNothingFound(kernel, "is on no whole list of named tasks");
    }

    @Test
    void aListThatDoesNotEndIsNotBelieved() {
        FakeKernel kernel = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake").usual();
        long node = kernel.member(kernel.processes().get(20), "task_struct.tasks");
        kernel.word(node, kernel.member(kernel.processes().get(5), "task_struct.tasks"));
        assertNothingFound(kernel, "is on no whole list of named tasks");
    }

    @Test
    void aGuestWithoutTasksIsToldSo() {
        FakeKernel kernel = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake");
        kernel.memory().putLong(kernel.gpa(kernel.member(kernel.init(), "task_struct.comm")), 0);
        assertNothingFound(kernel, "no task named swapper");
    }

    private static void assertNothingFound(FakeKernel kernel, String why) {
        assertTimeoutPreemptively(HANG, () -> assertThatThrownBy(() -> new InferredProfiles().find(kernel.guest(),
                kernel.identity(), kernel.space(), Needs.NONE,
                Progress.NONE)).isInstanceOfSatisfying(HptException.class,
                e -> assertThat(e.reason()).isEqualTo(Reason.NO_PROFILE)).hasMessageContaining(why));
    }

    private static Map<String, Integer> before314() {
        Map<String, Integer> layout = layout(PagingMode.LEVEL_4);
        layout.put("task_struct.start_boottime", layout.get("task_struct.start_time") + 16);
        layout.put("task_struct.thread_group", layout.remove("task_struct.thread_node"));
        layout.remove("signal_struct.thread_head");
        return layout;
    }

    /** The usual processes and forty more. */
    private static FakeKernel withForty(String name, Map<String, Integer> layout, PagingMode paging, String release) {
        FakeKernel kernel = new FakeKernel(layout, paging, release).usual();
        for (int pid = 300; pid < 340; pid++) {
            kernel.process(pid, kernel.processes().get(0), name + pid, 33);
        }
        kernel.link();
        return kernel;
    }

    /** As in 2.6.32-504.el6. */
    @Test
    void redHatsStacksMayGrowToTenMebibytes() {
        FakeKernel kernel = new FakeKernel(before314(), PagingMode.LEVEL_4, "2.6.32-504.el6").usual();
        for (long task : everyTask(kernel)) {
            long signal = kernel.get(kernel.member(task, "task_struct.signal"));
            kernel.word(kernel.member(signal, "signal_struct.rlim") + 6 * 8, 10 << 20);
        }
        assertThat(infer(kernel).has("task_struct", "signal")).isTrue();
    }

    /** As in a 2.6.38 guest, whose TSC was not trusted. */
    @Test
    void theSchedulersClockMayBeFarBehindThatOfStartTimes() {
        FakeKernel kernel = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake").usual();
        for (long task : kernel.processes()) {
            long runtime = kernel.member(task, "task_struct.se") + wide().get("sched_entity.sum_exec_runtime");
            long pid = kernel.get(kernel.member(task, "task_struct.pid")) & 0xffff;
            kernel.memory().putLong(kernel.gpa(runtime - 8), 310_000_000L + pid);
        }
        assertThat(infer(kernel).offset("sched_entity", "sum_exec_runtime"))
                .hasValue(wide().get("sched_entity.sum_exec_runtime"));
    }

    /** As in a 2.6.38 guest on i386 with statistics: the lower half of a count, after 0, for a time's upper half. */
    @Test
    void twoHalvesOfTimesAreNoTime() {
        FakeKernel kernel = withForty("worker", narrow(), PagingMode.PAE, "6.1.0-fake");
        for (long task : everyTask(kernel)) {
            long runtime = kernel.member(task, "task_struct.se") + narrow().get("sched_entity.sum_exec_runtime");
            int pid = (int) (kernel.get(kernel.member(task, "task_struct.pid")) & 0xffff);
            kernel.memory().putLong(kernel.gpa(runtime - 8), 310_000_000L + pid);
            long statistics = runtime + 0x28;
            kernel.memory().putLong(kernel.gpa(statistics), 150_000_000L + pid << 32)
                    .putLong(kernel.gpa(statistics + 8), 3L << 32).putLong(kernel.gpa(statistics + 16), 0);
        }
        assertThat(infer(kernel).offset("sched_entity", "sum_exec_runtime"))
                .hasValue(narrow().get("sched_entity.sum_exec_runtime"));
    }

    /** As in 4.8 and 4.12 guests: many tasks did not run for a nanosecond by the scheduler's clock, their averages did. */
    @Test
    void theFirstTimeOfASchedulingEntityIsTheOne() {
        FakeKernel kernel = withForty("daemon", wide(), PagingMode.LEVEL_4, "4.12.4-fake");
        for (long task : everyTask(kernel)) {
            long runtime = kernel.member(task, "task_struct.se") + wide().get("sched_entity.sum_exec_runtime");
            long average = runtime + 0x80;
            kernel.memory().putLong(kernel.gpa(average), kernel.get(runtime - 8))
                    .putLong(kernel.gpa(average + 8), 300_000_000L).putLong(kernel.gpa(average + 16), 1);
            if (task % 4096 < 2048) {
                kernel.memory().putLong(kernel.gpa(runtime), 0).putLong(kernel.gpa(runtime + 8), 0);
            }
        }
        assertThat(infer(kernel).offset("sched_entity", "sum_exec_runtime"))
                .hasValue(wide().get("sched_entity.sum_exec_runtime"));
    }

    /** As in 3.4.4-porteus. */
    @ParameterizedTest
    @EnumSource(value = PagingMode.class, names = {"LEVEL_4", "PAE"})
    void anotherSchedulerKeepsTimesInTheTaskItself(PagingMode paging) {
        Map<String, Integer> layout = paging == PagingMode.LEVEL_4 ? wide() : narrow();
        FakeKernel kernel = withForty("more", layout, paging, "3.4.4-fake");
        int pointer = paging.pointerSize();
        int se = layout.get("task_struct.se");
        for (long task : everyTask(kernel)) {
            long entity = task + se;
            long ran = entity + layout.get("sched_entity.sum_exec_runtime");
            long last = kernel.memory().getLong(kernel.gpa(ran) - 8);
            for (int i = 0; i < 0x80; i += 8) {
                kernel.memory().putLong(kernel.gpa(entity + i), 0);
            }
            kernel.word(entity, entity);
            kernel.word(entity + pointer, entity);
            kernel.memory().putLong(kernel.gpa(entity) + 2L * pointer, last)
                    .putLong(kernel.gpa(entity) + 2L * pointer + 8, 300_000_000L - (last & 0xff));
        }
        Findings found = infer(kernel);
        assertThat(found.has("task_struct", "se")).isFalse();
        assertThat(found.offset("task_struct", "sched_time")).hasValue(se + 2 * pointer + 8);
    }

    /** As in a 5.8 guest on i386: a pointer before a 0 is a time of up to 4.29 s to see, and grows with the tasks. */
    @Test
    void pointersBeforeZeroesAreNoTimes() {
        FakeKernel kernel = new FakeKernel(narrow(), PagingMode.PAE, "5.8.18-fake").usual();
        for (long task : everyTask(kernel)) {
            int pid = (int) (kernel.get(kernel.member(task, "task_struct.pid")) & 0xffff);
            long runtime = kernel.member(task, "task_struct.se") + narrow().get("sched_entity.sum_exec_runtime");
            kernel.memory().putLong(kernel.gpa(runtime - 8), 310_000_000L + pid)
                    .putLong(kernel.gpa(runtime - 16), task + 0x94 & 0xffffffffL);
            for (int word = 0; word < 3; word++) {
                kernel.memory().putLong(kernel.gpa(task + 0x340 + word * 8), kernel.init() + pid * 16L + word * 4L
                        & 0xffffffffL);
            }
            // Two in a tick.
            long start = kernel.member(task, "task_struct.start_time");
            for (long time : new long[] {start, start + 8}) {
                kernel.memory().putLong(kernel.gpa(time), pid == 0 ? 0 : 1_000_000_000L + pid / 2 * 10_000_000L);
            }
        }
        Findings findings = infer(kernel);
        assertThat(findings.offset("task_struct", "start_time")).hasValue(narrow().get("task_struct.start_time"));
        assertThat(findings.offset("sched_entity", "sum_exec_runtime"))
                .hasValue(narrow().get("sched_entity.sum_exec_runtime"));
    }

    /** As in Porteus's 3.4.4, whose scheduler is BFS. */
    @ParameterizedTest
    @ValueSource(strings = {"BFS/0", "BFS", "MuQSS/0", "PDS/0", "BMQ/0", "swapper"})
    void theIdleTaskMayBeNamedAfterTheScheduler(String name) {
        FakeKernel kernel = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake").usual();
        long comm = kernel.member(kernel.init(), "task_struct.comm");
        kernel.memory().putLong(kernel.gpa(comm), 0).putLong(kernel.gpa(comm + 8), 0)
                .putString(kernel.gpa(comm), name);
        assertThat(infer(kernel).symbols()).containsEntry("init_task", kernel.init());
    }

    /** As in 3.16 and 4.2 guests: a tenth of the tasks out of order, and counters that are nought for nearly all. */
    @Test
    void startTimesOrderTheTasksBestAndNotFully() {
        FakeKernel kernel = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake").usual();
        List<Long> tasks = kernel.processes();
        for (int i = 0; i < tasks.size(); i++) {
            long start = kernel.member(tasks.get(i), "task_struct.start_time");
            if (i % 12 == 5) {
                kernel.word(start, 1);
                kernel.word(kernel.member(tasks.get(i), "task_struct.start_boottime"), 1);
            }
            // Grows with few exceptions too, but for the many that are alike.
            long rival = tasks.get(i) + 0x740;
            kernel.word(rival, 1 + i / 3);
            kernel.word(rival + 8, 1 + i / 3);
        }
        assertThat(infer(kernel).offset("task_struct", "start_time")).hasValue(wide().get("task_struct.start_time"));
    }

    private static List<Long> everyTask(FakeKernel kernel) {
        List<Long> tasks = new ArrayList<>(kernel.processes());
        tasks.add(kernel.init());
        return tasks;
    }

    @Test
    void whatIsAmbiguousIsLeftOut() {
        FakeKernel kernel = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake").usual();
        // A second pair of numbers that no task contradicts.
        for (long task : kernel.processes()) {
            long pid = kernel.get(kernel.member(task, "task_struct.pid"));
            kernel.word(task + 0x700 + 0x40, pid);
        }
        kernel.word(kernel.init() + 0x740, 0);
        Findings findings = infer(kernel);
        assertThat(findings.has("task_struct", "pid")).isFalse();
        assertThat(findings.missing()).anyMatch(what -> what.startsWith("pid and tgid: 2 pairs"));
    }

    @Test
    void tasksOfNoiseEndSoon() {
        FakeKernel kernel = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake").usual();
        Random random = new Random(3);
        for (long task : kernel.processes()) {
            for (int at = 0; at < 0xc00; at += 8) {
                long offset = task + at;
                boolean list = offset >= kernel.member(task, "task_struct.tasks")
                        && offset < kernel.member(task, "task_struct.tasks") + 16;
                boolean name = offset >= kernel.member(task, "task_struct.comm")
                        && offset < kernel.member(task, "task_struct.comm") + 16;
                if (!list && !name) {
                    kernel.word(offset, random.nextBoolean() ? random.nextLong()
                            : FakeKernel.DIRECT_MAP_64 + (random.nextInt(64 << 20) & -8));
                }
            }
        }
        Optional<Findings> found = assertTimeoutPreemptively(HANG, () ->
                new Inference(new KernelMemory(kernel.space(), kernel.identity())).run());
        assertThat(found).hasValueSatisfying(f -> assertThat(f.has("task_struct", "pid")).isFalse());
    }

    private static Origin origin(FakeKernel kernel) {
        return new InferredProfiles().find(kernel.guest(), kernel.identity(), kernel.space(), Needs.NONE, Progress.NONE)
                .orElseThrow().origin();
    }

    /** Whoever has the proof does not ask again. */
    @Test
    void onlyWhatIsKnownInFullHasAProof() {
        FakeKernel kernel = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake").usual();
        assertThat(origin(kernel).proof()).isNotEmpty().isNotEqualTo(origin(kernel).proof());
        for (long task : everyTask(kernel)) {
            kernel.word(kernel.member(task, "task_struct.start_time"), 0);
            kernel.word(kernel.member(task, "task_struct.start_boottime"), 0);
        }
        assertThat(origin(kernel).from()).contains("; start_time: ");
        assertThat(origin(kernel).proof()).isEmpty();
    }

    @Test
    void whatWasLearntOnlySaysWhereToBegin() {
        FakeKernel kernel = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake").usual();
        InferredProfiles source = new InferredProfiles();
        Profile learnt = source.find(kernel.guest(), kernel.identity(), kernel.space(), Needs.NONE, Progress.NONE)
                .orElseThrow();
        assertThat(source.confirm(learnt, kernel.guest(), kernel.identity(), kernel.space(), Progress.NONE))
                .hasValueSatisfying(again -> {
                    assertThat(again.structs()).isEqualTo(learnt.structs());
                    assertThat(again.symbols()).isEqualTo(learnt.symbols());
                    assertThat(again.origin().confidence()).isEqualTo(learnt.origin().confidence());
                    assertThat(again.origin().proof()).isEqualTo(learnt.origin().proof());
                });
    }

    /** Both guests say to run the same build; one of them has its tasks laid out otherwise. */
    @Test
    void whatTheTasksOfAnotherGuestDoNotBearOutIsNotBelieved() {
        FakeKernel first = new FakeKernel(wide(), PagingMode.LEVEL_4, "6.1.0-fake").usual();
        InferredProfiles source = new InferredProfiles();
        Profile learnt = source.find(first.guest(), first.identity(), first.space(), Needs.NONE, Progress.NONE)
                .orElseThrow();
        Map<String, Integer> otherwise = wide();
        otherwise.put("task_struct.real_cred", wide().get("task_struct.real_cred") - 0x10);
        otherwise.put("task_struct.cred", wide().get("task_struct.cred") - 0x10);
        FakeKernel other = new FakeKernel(otherwise, PagingMode.LEVEL_4, "6.1.0-fake").usual();
        assertThat(source.confirm(learnt, other.guest(), other.identity(), other.space(), Progress.NONE)).isEmpty();
        Profile elsewhere = new Profile(learnt.name(), learnt.kernel(), learnt.origin(),
                Map.of("init_task", learnt.symbols().get("init_task") + 0x40), learnt.structs(), Map.of());
        assertThat(source.confirm(elsewhere, first.guest(), first.identity(), first.space(), Progress.NONE)).isEmpty();
    }
}
