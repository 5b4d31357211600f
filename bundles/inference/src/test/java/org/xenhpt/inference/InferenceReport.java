// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.backend.file.FileBackend;
import org.xenhpt.identify.GuestMemoryProfiles;
import org.xenhpt.identify.LinuxIdentifier;
import org.xenhpt.translation.X86Translator;

/**
 * Run by hand: infers the layouts of memory images, and compares them with the images' own BTF where there is one.
 * Arguments: images.
 */
final class InferenceReport {
    private InferenceReport() {
    }

    public static void main(String[] images) {
        for (String image : images) {
            X86Translator translator = new X86Translator();
            try (Guest guest = new FileBackend().open(new GuestUri("file", image))) {
                KernelIdentity kernel = new LinuxIdentifier(translator).identify(guest, Progress.NONE);
                AddressSpace space = translator.open(guest.memory(), kernel.paging(), kernel.rootGpa());
                System.out.println("== " + image + " " + kernel.release() + " " + kernel.architecture().label());
                report(guest, kernel, space);
            }
        }
    }

    private static void report(Guest guest, KernelIdentity kernel, AddressSpace space) {
        Inference inference = new Inference(new KernelMemory(space, kernel));
        long start = System.nanoTime();
        Optional<Findings> findings = inference.run();
        long millis = (System.nanoTime() - start) / 1_000_000;
        inference.rejected().forEach(why -> System.out.println("rejected: " + why));
        if (findings.isEmpty()) {
            return;
        }
        Optional<Profile> known = Optional.empty();
        try {
            TreeSet<String> members = new TreeSet<>();
            findings.get().evidence().forEach(e -> members.add(e.struct() + "." + e.member()));
            known = new GuestMemoryProfiles().find(guest, kernel, space,
                    new Needs(findings.get().symbols().keySet(), members), Progress.NONE);
        } catch (HptException none) {
            System.out.println("no BTF to compare with");
        }
        int right = 0;
        int asked = 0;
        for (Evidence evidence : findings.get().evidence()) {
            String verdict = "";
            if (known.isPresent()) {
                Optional<Member> member = known.get().member(evidence.struct(), evidence.member());
                boolean same = member.filter(m -> m.offset() == evidence.offset()).isPresent();
                asked++;
                right += same ? 1 : 0;
                verdict = same ? "right " : "WRONG (" + member.map(m -> "0x" + Integer.toHexString(m.offset())).orElse("none")
                        + ") ";
            }
            System.out.println("  " + verdict + evidence);
        }
        findings.get().missing().forEach(what -> System.out.println("  missing " + what));
        Set<String> symbols = findings.get().symbols().keySet();
        for (String symbol : symbols) {
            long gva = findings.get().symbols().get(symbol);
            Long linked = known.map(p -> p.symbols().get(symbol)).orElse(null);
            System.out.println("  " + (known.isEmpty() ? "" : linked != null && linked + kernel.kaslrOffset() == gva
                    ? "right " : "WRONG ") + symbol + " at GVA 0x" + Long.toHexString(gva));
        }
        System.out.println("  " + right + " of " + asked + " right, " + millis + " ms");
    }
}
