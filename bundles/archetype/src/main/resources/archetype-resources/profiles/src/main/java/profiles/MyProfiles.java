// SPDX-License-Identifier: Apache-2.0
package ${package}.profiles;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;

/**
 * Knows the kernels of {@code profiles.txt}. It is asked after the folder of YAML files, whose ranking is 100, and before the
 * guest's own memory, whose ranking is 50.
 */
@Component(property = "service.ranking:Integer=60")
public final class MyProfiles implements ProfileSource {
    private final List<Profile> known;

    /** With what is in the bundle. */
    public MyProfiles() {
        this(lines());
    }

    MyProfiles(List<String> lines) {
        known = new ProfileText().read(lines);
    }

    private static List<String> lines() {
        try (BufferedReader reader = new BufferedReader(new InputStreamReader(
                MyProfiles.class.getResourceAsStream("profiles.txt"), StandardCharsets.UTF_8))) {
            return reader.lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public String name() {
        return "${artifactId}";
    }

    @Override
    public Optional<Profile> find(Guest guest, KernelIdentity kernel, AddressSpace space, Needs needs,
            Progress progress) {
        // A release names no build: the banner or the build id must be the same, too.
        return known.stream().filter(profile -> profile.kernel().matches(kernel)).findFirst();
    }
}
