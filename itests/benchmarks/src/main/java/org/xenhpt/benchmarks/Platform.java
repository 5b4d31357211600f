// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.benchmarks;

import java.util.List;
import org.xenhpt.api.frontend.Session;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.backend.file.FileBackend;
import org.xenhpt.decoder.linux49.Linux49Decoder;
import org.xenhpt.decoder.linux615.Linux615Decoder;
import org.xenhpt.decoder.linux62.Linux62Decoder;
import org.xenhpt.frontend.GuestFrontEnd;
import org.xenhpt.identify.GuestMemoryProfiles;
import org.xenhpt.identify.LinuxIdentifier;
import org.xenhpt.translation.X86Translator;

/** The bundles, wired by hand. */
final class Platform {
    private Platform() {
    }

    static Session attach(String image) {
        X86Translator translator = new X86Translator();
        return new GuestFrontEnd(translator, new LinuxIdentifier(translator), List.of(new FileBackend()),
                List.of(new GuestMemoryProfiles()),
                List.of(new Linux49Decoder(), new Linux62Decoder(), new Linux615Decoder()))
                .attach(new GuestUri("file", image), Progress.NONE);
    }
}
