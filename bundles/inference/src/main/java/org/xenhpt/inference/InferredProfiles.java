// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.security.SecureRandom;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.osgi.service.component.annotations.Component;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.kernel.Clue;
import org.xenhpt.api.kernel.Clue.Verdict;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Member;
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
    /** No kernel's per-CPU variables are longer, and no kernel lies so low. In bytes. */
    private static final long LARGEST_PER_CPU = 16 << 20;
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
        tell(progress, inference, result);
        progress.report("inferring the layout of tasks", 1, 1);
        if (result.isEmpty()) {
            HptException exception = new HptException(Step.PROFILE, Reason.NO_PROFILE, kernel.release(),
                    "the kernel's memory does not show its tasks: " + String.join("; ", inference.rejected()));
            throw exception.next("try again when the guest has booted");
        }
        Findings findings = result.get();
        findings.evidence().forEach(why -> LOG.debug("{}", why));
        findings.missing().forEach(what -> LOG.debug("not found: {}", what));
        return Optional.of(profile(findings, guest, kernel, ""));
    }

    private static Profile profile(Findings findings, Guest guest, KernelIdentity kernel, String proof) {
        return new Profile(kernel.release(),
                KernelMatch.of(kernel),
                new Origin(SOURCE, guest.info().uri() + ": " + inWords(findings),
                        LocalDate.now(ZoneOffset.UTC).toString(), confidence(findings),
                        proof.isEmpty() && isSettled(findings) ? newProof() : proof),
                linked(findings, kernel), findings.layouts(), Map.of());
    }

    /**
     * Whether tasks that are asked again would tell no more. Counters of threads that differ by chance do, and are not worth
     * it; a guest that was booting does.
     */
    private static boolean isSettled(Findings findings) {
        return findings.missing().stream().allMatch(what -> what.startsWith("nr_threads:"));
    }

    /** What another guest or another boot cannot have. */
    private static String newProof() {
        return Long.toHexString(new SecureRandom().nextLong());
    }

    private static Map<String, Long> linked(Findings findings, KernelIdentity kernel) {
        Map<String, Long> linked = new TreeMap<>();
        long mask = kernel.architecture().pointerSize() == 4 ? 0xffffffffL : -1;
        long lowest = kernel.architecture().lowestImageAddress();
        // A per-CPU variable that is linked at an offset from 0 is not moved.
        findings.symbols().forEach((name, gva) -> linked.put(name, Long.compareUnsigned(gva, lowest) < 0 ? gva
                : gva - kernel.kaslrOffset() & mask));
        return linked;
    }

    private static void tell(Progress progress, Inference inference, Optional<Findings> result) {
        inference.rejected().forEach(why -> progress.met(new Clue(Verdict.REJECTED, "init_task", "", why)));
        result.ifPresent(findings -> {
            findings.symbols().forEach((name, gva) -> progress.met(new Clue(Verdict.FOUND, name,
                    (gva >= 0 && gva < LARGEST_PER_CPU ? "per-CPU offset 0x" : "GVA 0x") + Long.toHexString(gva),
                    findings.reason(name))));
            findings.evidence().forEach(e -> progress.met(new Clue(Verdict.FOUND, e.struct() + "." + e.member(),
                    "offset 0x" + Integer.toHexString(e.offset()), e.by(), e.agreed(), e.asked())));
            findings.missing().forEach(what -> {
                int colon = what.indexOf(": ");
                progress.met(new Clue(Verdict.MISSING, colon < 0 ? what : what.substring(0, colon), "",
                        colon < 0 ? "" : what.substring(colon + 2)));
            });
        });
    }

    /**
     * What was learnt says where to begin; from there all tasks are asked again. What they say now counts, as long as
     * they bear out all that was learnt.
     */
    @Override
    public Optional<Profile> confirm(Profile learnt, Guest guest, KernelIdentity kernel, AddressSpace space,
            Progress progress) {
        Kernel then = new Kernel(kernel, learnt);
        OptionalLong init = then.findSymbol("init_task");
        Optional<Member> name = learnt.member("task_struct", "comm");
        if (!learnt.origin().source().equals(SOURCE) || !learnt.kernel().matches(kernel) || init.isEmpty()
                || name.isEmpty()) {
            return Optional.empty();
        }
        Inference inference = new Inference(new KernelMemory(space, kernel));
        Optional<Findings> again = inference.again(then::findSymbol, name.get().offset());
        Optional<Profile> profile = again.map(findings -> profile(findings, guest, kernel, learnt.origin().proof()))
                .filter(now -> bearsOut(now, learnt));
        profile.ifPresent(now -> tell(progress, inference, again));
        return profile;
    }

    private static boolean bearsOut(Profile now, Profile learnt) {
        return now.symbols().equals(learnt.symbols()) && learnt.structs().entrySet().stream().allMatch(struct ->
                now.structs().containsKey(struct.getKey()) && now.structs().get(struct.getKey()).members().entrySet()
                        .containsAll(struct.getValue().members().entrySet()));
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
