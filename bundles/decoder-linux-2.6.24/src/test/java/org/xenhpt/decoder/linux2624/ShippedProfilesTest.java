// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.decoder.linux2624;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.kernel.KernelVersion;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileStore.Entry;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.PagingMode;
import org.xenhpt.profiles.FolderProfiles;
import org.xenhpt.testkit.ProfiledLinux;
import org.xenhpt.translation.X86Translator;

/** The profiles of old kernels that come with XenHPT: whether they are whole, recognised, and enough to list tasks with. */
class ShippedProfilesTest {
    /** The clone's: who may write to it is by the umask of who cloned it. The distribution has modes of its own. */
    private static final Path FOLDER = Path.of("../../kernel-profiles-yaml");
    private static final KernelVersion FIRST_IN_TASK = new KernelVersion(4, 9, 0);

    @TempDir
    Path folder;

    static Stream<Path> files() {
        FolderProfiles profiles = FolderProfiles.trusting(FOLDER);
        return profiles.list().stream().filter(entry -> entry.profile().map(ShippedProfilesTest::isOld).orElse(true))
                .map(Entry::file);
    }

    private static boolean isOld(Profile profile) {
        return KernelVersion.of(profile.kernel().release()).compareTo(FIRST_IN_TASK) < 0;
    }

    private static Profile read(Path file) {
        Entry entry = FolderProfiles.trusting(file.getParent()).read(file);
        assertThat(entry.problems()).isEmpty();
        return entry.profile().orElseThrow();
    }

    private static boolean isWide(Profile profile) {
        return profile.kernel().architecture() == Architecture.X86_64;
    }

    private static PagingMode paging(Profile profile) {
        boolean pae = profile.kernel().release().matches("(?i).*(pae|el6).*");
        return isWide(profile) ? PagingMode.LEVEL_4 : pae ? PagingMode.PAE : PagingMode.X86_32;
    }

    private static ProfiledLinux guest(Profile profile) {
        return new ProfiledLinux(profile, paging(profile), 1).usual(3);
    }

    private static AddressSpace space(ProfiledLinux guest) {
        KernelIdentity kernel = guest.identity();
        return new X86Translator().open(guest.memory(), kernel.paging(), kernel.rootGpa());
    }

    private Optional<Profile> find(ProfiledLinux guest) {
        return FolderProfiles.trusting(folder).find(guest.guest(), guest.identity(), space(guest), Needs.NONE,
                Progress.NONE);
    }

    @Test
    void thereIsOneOfEveryDistributionOfThatTime() {
        List<String> names = new ArrayList<>();
        files().forEach(file -> names.add(read(file).kernel().release() + " "
                + read(file).kernel().architecture().label()));
        assertThat(names).contains("2.6.32-5-amd64 x86-64", "2.6.32-5-686 i386", "3.2.0-4-amd64 x86-64",
                "3.2.0-4-686-pae i386", "3.16.0-4-amd64 x86-64", "3.16.0-6-686-pae i386",
                "2.6.18-371.el5 x86-64", "2.6.18-371.el5 i386",
                "2.6.32-431.el6.x86_64 x86-64", "2.6.32-431.el6.i686 i386", "3.10.0-327.el7.x86_64 x86-64",
                "2.6.32-38-generic x86-64", "2.6.32-38-generic i386", "3.2.0-56-generic-pae i386",
                "3.13.0-24-generic x86-64", "3.13.0-24-generic i386", "4.4.0-21-generic x86-64");
    }

    @ParameterizedTest
    @MethodSource("files")
    void itIsWhole(Path file) throws IOException {
        assertThat(Files.size(file)).isLessThan(12 << 10);
        Profile profile = read(file);
        assertThat(file.getFileName().toString()).startsWith(profile.kernel().release());
        assertThat(profile.origin().from()).startsWith("github.com/");
        assertThat(profile.symbols()).containsKeys("init_task", "linux_banner", "init_files", "init_thread_union");
        int pointer = profile.kernel().architecture().pointerSize();
        profile.structs().forEach((tag, layout) -> layout.members().forEach((name, member) -> {
            boolean isPointer = member.type().endsWith("*");
            assertThat(member.size()).as("%s.%s", tag, name).isEqualTo(isPointer ? pointer
                    : member.type().equals("struct list_head") ? 2 * pointer : member.size());
            assertThat(member.offset() % (isPointer ? pointer : 1)).as("%s.%s", tag, name).isZero();
        }));
        assertThat(profile.structs().get("task_struct").size()).isBetween(pointer == 8 ? 1500 : 800, 10_000);
        for (String member : List.of("tasks", "pid", "tgid", "comm", "flags", "signal", "group_leader", "state",
                "exit_state", "children", "sibling", "start_time", "thread_group")) {
            assertThat(profile.member("task_struct", member)).as(member).isPresent();
        }
        int pid = profile.member("task_struct", "pid").map(Member::offset).orElseThrow();
        assertThat(profile.member("task_struct", "tgid")).hasValueSatisfying(m -> assertThat(m.offset()).isEqualTo(pid + 4));
        profile.symbols().forEach((name, address) -> assertThat(isWide(profile) ? Long.compareUnsigned(address,
                0xffffffff80000000L) >= 0 || address >= 0 && address < 0x100000 : address >>> 32 == 0).as(name).isTrue());
    }

    @ParameterizedTest
    @MethodSource("files")
    void itsKernelIsRecognisedAndItsTasksAreListed(Path file) throws IOException {
        Files.copy(file, folder.resolve("a.yaml"));
        ProfiledLinux guest = guest(read(file));
        Profile found = find(guest).orElseThrow();
        if (found.kernel().banner().isEmpty()) {
            assertThat(found.origin().from()).contains("recognised by the addresses of linux_banner, init_task and ");
        } else {
            assertThat(found.kernel().matches(guest.identity())).isTrue();
        }
        assertThat(found.origin().confidence()).isEqualTo(1);
        Kernel kernel = new Kernel(guest.identity(), found);
        Linux2624Decoder decoder = new Linux2624Decoder();
        assertThat(decoder.fits(kernel)).isTrue();
        assertThat(guest.differences(decoder.attach(kernel, space(guest)).read(TaskQuery.THREADS), true)).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("files")
    void anotherBuildOfTheReleaseIsNot(Path file) throws IOException {
        Files.copy(file, folder.resolve("a.yaml"));
        Profile profile = read(file);
        // In a rebuild with another patch, what comes after a grown variable moves.
        Map<String, Long> moved = new HashMap<>(profile.symbols());
        moved.replaceAll((name, address) -> Long.compareUnsigned(address, profile.symbols().get("init_task")) > 0
                ? address + 64 : address);
        KernelMatch unnamed = new KernelMatch(profile.kernel().architecture(), profile.kernel().release(), "", "");
        Profile rebuilt = new Profile("rebuilt", unnamed, profile.origin(), moved, profile.structs(), Map.of());
        assertThat(find(guest(rebuilt))).isEmpty();
    }

    @Test
    void ofTwoBuildsOfOneReleaseTheRunningOneIsTaken() throws IOException {
        for (String point : List.of("8.0", "8.2")) {
            Files.copy(FOLDER.resolve("3.16.0-4-amd64_debian-" + point + ".yaml"), folder.resolve(point + ".yaml"));
        }
        for (String point : List.of("8.0", "8.2")) {
            ProfiledLinux guest = guest(read(folder.resolve(point + ".yaml")));
            assertThat(find(guest)).hasValueSatisfying(found -> assertThat(found.name()).isEqualTo(point));
        }
    }

    @Test
    void aKernelThatWasMovedIsRecognised() throws IOException {
        Path file = folder.resolve("a.yaml");
        Files.copy(FOLDER.resolve("2.6.32-5-686.yaml"), file);
        Profile profile = read(file);
        Map<String, Long> moved = new HashMap<>(profile.symbols());
        moved.replaceAll((name, address) -> address >= 0xc0000000L ? address + 0x400000 : address);
        ProfiledLinux guest = guest(new Profile("moved", profile.kernel(), profile.origin(), moved, profile.structs(),
                Map.of()));
        Kernel kernel = new Kernel(guest.identity(), find(guest).orElseThrow());
        assertThat(kernel.symbol("init_task")).isEqualTo(guest.initTask());
        assertThat(guest.differences(new Linux2624Decoder().attach(kernel, space(guest)).read(TaskQuery.THREADS), true))
                .isEmpty();
    }

    @Test
    void aBrokenListIsNotBelieved() throws IOException {
        Path file = folder.resolve("a.yaml");
        Files.copy(FOLDER.resolve("3.2.0-4-amd64.yaml"), file);
        ProfiledLinux guest = guest(read(file));
        long fifth = guest.tasks().get(5).gva();
        guest.putPointer(guest.taskMember(fifth, "tasks"), guest.taskMember(guest.tasks().get(2).gva(), "tasks"));
        assertThat(find(guest)).isEmpty();
    }
}
