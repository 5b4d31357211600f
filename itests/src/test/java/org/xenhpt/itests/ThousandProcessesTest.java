// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.xenhpt.itests.guest.GuestSpec;
import org.xenhpt.itests.guest.ImageFormat;

/** 1,000 processes and 1,000 threads more. */
class ThousandProcessesTest extends GuestContract {
    @Override
    GuestSpec spec() {
        return GuestSpec.of("trixie-amd64").memoryMiB(512).append("hpt.procs=1000 hpt.threads=1000");
    }

    @Override
    List<ImageFormat> formats() {
        return List.of(ImageFormat.KDUMP);
    }

    @Test
    void hasThatMany() throws IOException {
        assertThat(guest().list().tasks()).hasSizeGreaterThan(2000);
        assertThat(Hpt.run("ps", guest().uri(), "--json").rows()).hasSizeGreaterThan(1000);
        assertThat(Hpt.run("ps", guest().uri(), "--json", "-T").rows()).hasSizeGreaterThan(2000);
    }
}
