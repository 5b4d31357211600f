// SPDX-License-Identifier: Apache-2.0
package ${package}.profiles;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.testkit.FakeLinux;
import org.xenhpt.testkit.FakePatch;

class MyProfilesTest {
    private static List<String> text(Profile profile) {
        List<String> lines = new ArrayList<>(List.of("kernel " + profile.kernel().release(),
                "banner " + profile.kernel().banner()));
        profile.symbols().forEach((name, address) -> lines.add("symbol " + name + " " + Long.toHexString(address)));
        profile.structs().forEach((tag, layout) -> {
            lines.add("struct " + tag + " " + layout.size());
            layout.members().forEach((name, member) -> lines.add("member " + tag + "." + name + " " + member.offset()
                    + " " + member.size() + " " + member.type()));
        });
        return lines;
    }

    private static Optional<Profile> find(MyProfiles profiles, FakeLinux linux) {
        return profiles.find(linux.guest(), linux.kernel().identity(), linux.space(), Needs.ALL, Progress.NONE);
    }

    @Test
    void knowsItsKernelsAndNoOthers() {
        FakeLinux linux = new FakeLinux(false);
        Profile truth = linux.kernel().profile();
        List<String> lines = new ArrayList<>(List.of("kernel 5.10.0-other", "banner Linux version 5.10.0-other", ""));
        lines.addAll(text(truth));
        MyProfiles profiles = new MyProfiles(lines);

        Profile found = find(profiles, linux).orElseThrow();
        assertThat(found.symbols()).isEqualTo(truth.symbols());
        assertThat(found.structs()).isEqualTo(truth.structs());
        assertThat(find(profiles, new FakeLinux(false, new FakePatch("6.1.0-patched")))).isEmpty();
    }

    @Test
    void whatIsInTheBundleCanBeRead() {
        assertThat(find(new MyProfiles(), new FakeLinux(false))).isEmpty();
    }
}
