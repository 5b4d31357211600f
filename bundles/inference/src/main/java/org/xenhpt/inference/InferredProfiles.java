// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.osgi.service.component.annotations.Component;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;

/**
 * Infers a profile from the structures in a guest's memory. Asked last: every other source knows, this one concludes.
 */
@Component(property = "service.ranking:Integer=10")
public final class InferredProfiles implements ProfileSource {
    /** What {@link Origin#source()} says of profiles made here. */
    static final String SOURCE = "inference";
    /** Agreement proves nothing: a conclusion is never as sure as what a kernel's build says of itself. */
    private static final double MOST_CONFIDENCE = 0.95;
    private static final Logger LOG = LoggerFactory.getLogger(InferredProfiles.class);

    @Override
    public String name() {
        return "inference from structure";
    }

    /**
     * @param needs not asked for: what can be inferred is given, since each member was needed to find the others
     * @throws HptException {@code NO_PROFILE} when there are no tasks in the kernel's memory, {@code INCONSISTENT} when
     *                      what there is has no end
     */
    @Override
    public Optional<Profile> find(Guest guest, KernelIdentity kernel, AddressSpace space, Needs needs,
            Progress progress) {
        progress.report("inferring the layout of tasks", 0, 1);
        Inference inference = new Inference(new KernelMemory(space, kernel));
        Optional<Findings> result = inference.run();
        progress.report("inferring the layout of tasks", 1, 1);
        if (result.isEmpty()) {
            HptException exception = new HptException(Step.PROFILE, Reason.NO_PROFILE, kernel.release(),
                    "the kernel's memory does not show its tasks: " + String.join("; ", inference.rejected()));
            throw exception.next("try again when the guest has booted");
        }
        Findings findings = result.get();
        findings.evidence().forEach(why -> LOG.debug("{}", why));
        findings.missing().forEach(what -> LOG.debug("not found: {}", what));
        Map<String, Long> linked = new TreeMap<>();
        findings.symbols().forEach((name, gva) -> linked.put(name, gva - kernel.kaslrOffset()));
        return Optional.of(new Profile(kernel.release(),
                new KernelMatch(kernel.architecture(), kernel.release(), kernel.banner(), kernel.buildId()),
                new Origin(SOURCE, guest.info().uri() + ": " + inWords(findings),
                        LocalDate.now(ZoneOffset.UTC).toString(), confidence(findings)),
                linked, findings.layouts(), Map.of()));
    }

    /** The share of tasks that bear out the member which has the fewest on its side. */
    private static double confidence(Findings findings) {
        double least = findings.evidence().stream().mapToDouble(Evidence::share).min().orElse(0);
        return Math.floor(least * MOST_CONFIDENCE * 100) / 100;
    }

    private static String inWords(Findings findings) {
        List<Evidence> evidence = findings.evidence();
        Evidence least = evidence.stream().min(Comparator.comparingDouble(Evidence::share)).orElseThrow();
        long all = evidence.stream().filter(e -> e.agreed() == e.asked()).count();
        StringBuilder words = new StringBuilder(findings.tasks() + " processes agree on " + all + " of "
                + evidence.size() + " members");
        if (all < evidence.size()) {
            words.append(", least on ").append(least.struct()).append('.').append(least.member()).append(" (")
                    .append(least.agreed()).append(" of ").append(least.asked()).append(')');
        }
        if (!findings.missing().isEmpty()) {
            words.append("; not found: ").append(String.join("; ", findings.missing()));
        }
        return words.toString();
    }
}
