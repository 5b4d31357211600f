// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelVersion;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileStore.Entry;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.decoder.linux2624.Linux2624Decoder;
import org.xenhpt.profiles.FolderProfiles;
import org.xenhpt.testkit.ProfiledLinux;
import org.xenhpt.translation.X86Translator;

/**
 * Kernels from 2.6.18 to 4.4 with the whole layouts of real builds (made by {@code hpt profile make} from published
 * Volatility 2 profiles, whose files each names): what is inferred must be what the build has, and tasks read with it right.
 */
class OldKernelsTest {
    /** What lists of processes are made of, where the kernel has it. */
    private static final List<String> WANTED = List.of("task_struct.state", "task_struct.stack",
            "task_struct.thread_info", "task_struct.flags", "task_struct.tasks", "task_struct.mm",
            "task_struct.exit_state", "task_struct.pid", "task_struct.tgid", "task_struct.real_parent",
            "task_struct.children", "task_struct.sibling", "task_struct.group_leader", "task_struct.thread_group",
            "task_struct.start_time", "task_struct.real_start_time", "task_struct.uid", "task_struct.euid",
            "task_struct.gid", "task_struct.egid", "task_struct.real_cred", "cred.euid", "cred.egid",
            "task_struct.comm", "task_struct.signal", "task_struct.se", "sched_entity.sum_exec_runtime",
            "signal_struct.sum_sched_runtime", "signal_struct.thread_head", "signal_struct.rlim");

    static Stream<Arguments> kernels() throws URISyntaxException {
        URL layouts = OldKernelsTest.class.getResource("/layouts");
        List<Arguments> kernels = new ArrayList<>();
        for (Entry entry : FolderProfiles.trusting(Path.of(layouts.toURI())).list()) {
            assertThat(entry.problems()).isEmpty();
            Profile profile = entry.profile().orElseThrow();
            boolean wide = profile.kernel().architecture() == Architecture.X86_64;
            for (PagingMode paging : wide ? List.of(PagingMode.LEVEL_4) : List.of(PagingMode.X86_32, PagingMode.PAE)) {
                for (int threads : List.of(0, 5)) {
                    kernels.add(Arguments.of(profile.name(), paging, threads, profile));
                }
            }
        }
        assertThat(kernels).hasSizeGreaterThan(30);
        return kernels.stream();
    }

    /** From 2.6.23 on, once each. */
    static Stream<Arguments> kernelsWithBothTimes() throws URISyntaxException {
        return kernels().filter(a -> a.get()[1] != PagingMode.PAE && a.get()[2].equals(5)
                && member((Profile) a.get()[3], "task_struct.real_start_time").isPresent());
    }

    @ParameterizedTest(name = "{0} {1} {2} threads")
    @MethodSource("kernels")
    void theLayoutIsInferred(String name, PagingMode paging, int threads, Profile profile) {
        ProfiledLinux guest = new ProfiledLinux(profile, paging, name.hashCode() + threads).usual(threads);
        AddressSpace space = new X86Translator().open(guest.memory(), paging, guest.identity().rootGpa());
        Findings findings = new Inference(new KernelMemory(space, guest.identity())).run().orElseThrow();
        assertThat(findings.symbols()).containsEntry("init_task", guest.initTask());
        List<String> wrong = new ArrayList<>();
        for (Evidence evidence : findings.evidence()) {
            Optional<Member> real = real(profile, evidence);
            if (real.isPresent() ? real.get().offset() != evidence.offset() || isOtherInteger(real.get(), evidence,
                    findings) : profile.structs().containsKey(evidence.struct())) {
                wrong.add(evidence + ", really " + real);
            }
        }
        assertThat(wrong).isEmpty();
        assertThat(WANTED.stream().filter(wanted -> member(profile, wanted).isPresent()
                && !findings.has(struct(wanted), wanted.substring(struct(wanted).length() + 1)))).isEmpty();
    }

    @ParameterizedTest(name = "{0} {1} {2} threads")
    @MethodSource("kernels")
    void itsTasksAreListed(String name, PagingMode paging, int threads, Profile profile) {
        ProfiledLinux guest = new ProfiledLinux(profile, paging, name.hashCode() - threads).usual(threads);
        AddressSpace space = new X86Translator().open(guest.memory(), paging, guest.identity().rootGpa());
        Profile inferred = new InferredProfiles().find(guest.guest(), guest.identity(), space, Needs.NONE,
                Progress.NONE).orElseThrow();
        assertThat(inferred.origin().confidence()).isBetween(0.85, 0.96);
        Kernel kernel = new Kernel(guest.identity(), inferred);
        Linux2624Decoder decoder = new Linux2624Decoder();
        assertThat(decoder.fits(kernel)).isTrue();
        // What the scheduler before 2.6.23 wrote down of a task has nothing that tells it from other times.
        boolean cpuTime = guest.identity().version().compareTo(new KernelVersion(2, 6, 23)) >= 0;
        assertThat(guest.differences(decoder.attach(kernel, space).read(TaskQuery.THREADS), cpuTime)).isEmpty();
    }

    /** All of its times are 0 seconds and so many nanoseconds, which a word further on pass for seconds. */
    @ParameterizedTest(name = "{0} {1} {2} threads")
    @MethodSource("kernelsWithBothTimes")
    void timesWithinTheFirstSecondAreNotTakenForYears(String name, PagingMode paging, int threads, Profile profile) {
        ProfiledLinux guest = new ProfiledLinux(profile, paging, name.hashCode() + threads).young().usual(threads);
        AddressSpace space = new X86Translator().open(guest.memory(), paging, guest.identity().rootGpa());
        Findings findings = new Inference(new KernelMemory(space, guest.identity())).run().orElseThrow();
        assertThat(findings.offset("task_struct", "start_time"))
                .hasValue(member(profile, "task_struct.start_time").orElseThrow().offset());
    }

    private static Optional<Member> real(Profile profile, Evidence evidence) {
        Optional<Member> same = profile.member(evidence.struct(), evidence.member());
        // Red Hat's utrace: one parent, by the name of the other.
        return same.isPresent() || !evidence.member().equals("real_parent") ? same
                : profile.member("task_struct", "parent");
    }

    /** Whether a number was taken for one of another size. */
    private static boolean isOtherInteger(Member real, Evidence evidence, Findings findings) {
        Member found = findings.layouts().get(evidence.struct()).members().get(evidence.member());
        boolean integer = real.type().matches("(long )?(unsigned )?int|pid_t|[ug]id_t");
        return integer && found.size() != real.size();
    }

    private static String struct(String path) {
        return path.substring(0, path.indexOf('.'));
    }

    private static Optional<Member> member(Profile profile, String path) {
        return profile.member(struct(path), path.substring(struct(path).length() + 1));
    }
}
