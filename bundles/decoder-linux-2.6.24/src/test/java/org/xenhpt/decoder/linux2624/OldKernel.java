// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.decoder.linux2624;

import java.net.URISyntaxException;
import java.nio.file.Path;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileStore;
import org.xenhpt.profiles.FolderProfiles;
import org.xenhpt.testkit.LaidOutLinux;
import org.xenhpt.translation.X86Translator;

/** Kernel builds whose layouts, made by hpt profile make from published symbol files, lie beside the tests. */
enum OldKernel {
    CENTOS_5("2.6.18-8.el5", 8), CENTOS_5_I386("2.6.18-8.el5-i386", 4),
    UBUNTU_8_04("2.6.24-26-generic", 8), UBUNTU_8_04_I386("2.6.24-26-generic-i386", 4),
    UBUNTU_9_04("2.6.28-11-generic", 8), DEBIAN_6("2.6.32-5-amd64", 8),
    DEBIAN_7("3.2.0-4-amd64", 8), DEBIAN_7_I386("3.2.0-4-686-pae", 8), UBUNTU_16_04("4.4.0-21-generic", 16);

    private final String file;
    private final int stackKib;

    OldKernel(String file, int stackKib) {
        this.file = file;
        this.stackKib = stackKib;
    }

    /** THREAD_SIZE in bytes. */
    int stackSize() {
        return stackKib << 10;
    }

    int pointerSize() {
        return profile().kernel().architecture().pointerSize();
    }

    Profile profile() {
        try {
            Path path = Path.of(OldKernel.class.getResource(file + ".yaml").toURI());
            ProfileStore.Entry entry = FolderProfiles.trusting(path.getParent()).read(path);
            return entry.profile().orElseThrow(() -> new AssertionError(entry.problems()));
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    LaidOutLinux boot() {
        return new LaidOutLinux(profile(), stackSize(), false);
    }

    static TaskReader attach(LaidOutLinux linux) {
        return attach(linux, linux.kernel().profile());
    }

    /** @param profile what is known of the kernel, instead of the profile by which it was laid out */
    static TaskReader attach(LaidOutLinux linux, Profile profile) {
        Kernel kernel = new Kernel(linux.kernel().identity(), profile);
        return new Linux2624Decoder().attach(kernel, new X86Translator().open(linux.memory(), kernel.identity().paging(),
                kernel.identity().rootGpa()));
    }
}
