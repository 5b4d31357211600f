// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.kernel.Clue;
import org.xenhpt.api.kernel.Clue.Verdict;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.identify.btf.Btf;
import org.xenhpt.identify.btf.BtfFinder;
import org.xenhpt.identify.btf.BtfLayouts;
import org.xenhpt.identify.kallsyms.Kallsyms;

/**
 * Makes a profile of what the guest's kernel carries about itself: structure layouts of its BTF, symbols of its
 * kallsyms. Slower than a profile in a file, so asked after those.
 */
@Component(property = "service.ranking:Integer=50")
public final class GuestMemoryProfiles implements ProfileSource {
    private static final String SOURCE = "guest-memory";
    private static final String BANNER = "linux_banner";
    private static final int MAX_TRIED = 8;
    /** A data symbol that every kernel has. */
    private static final String DATA_SYMBOL = "init_task";

    @Override
    public String name() {
        return "guest memory (BTF, kallsyms)";
    }

    /**
     * @throws HptException {@code NO_PROFILE} when the kernel carries no BTF, no kallsyms, or no data symbols in it; it
     *                      says which, and what to do
     */
    @Override
    public Optional<Profile> find(Guest guest, KernelIdentity kernel, AddressSpace space, Needs needs,
            Progress progress) {
        progress.report("reading the kernel's symbols from guest memory", 0, 2);
        KernelImage image = new KernelImage(guest.memory(), space, kernel.imageStart(), kernel.imageEnd());
        Set<String> triedSymbols = new LinkedHashSet<>();
        Set<String> triedLayouts = new LinkedHashSet<>();
        Optional<Kallsyms> kallsyms = Kallsyms.find(image, kernel.symbols(), triedSymbols);
        Set<String> wanted = new LinkedHashSet<>(needs.symbols());
        wanted.addAll(BtfFinder.symbols());
        wanted.add(DATA_SYMBOL);
        Map<String, Long> symbols = new HashMap<>(kernel.symbols());
        kallsyms.ifPresent(k -> symbols.putAll(k.lookUp(wanted)));

        progress.report("reading the kernel's structure layouts from guest memory", 1, 2);
        Optional<BtfFinder.Found> found = BtfFinder.find(image, symbols, triedLayouts);
        Optional<Btf> btf = found.map(BtfFinder.Found::btf);
        tell(progress, kallsyms, triedSymbols, found, triedLayouts);
        List<String> missing = new ArrayList<>();
        if (btf.isEmpty()) {
            missing.add("no BTF (structure layouts; CONFIG_DEBUG_INFO_BTF)");
        }
        if (kallsyms.isEmpty()) {
            missing.add("no readable kallsyms (symbols; CONFIG_KALLSYMS)");
        } else if (!symbols.containsKey(DATA_SYMBOL)) {
            missing.add("no data symbols among the " + kallsyms.get().size()
                    + " of its kallsyms (CONFIG_KALLSYMS_ALL)");
        }
        if (!missing.isEmpty()) {
            HptException exception = new HptException(Step.PROFILE, Reason.NO_PROFILE, kernel.release(),
                    "the kernel in the guest's memory has " + String.join(" and ", missing))
                    .next("make a profile from this build's files (System.map and its debug symbols or BTF) with: "
                            + "hpt profile make");
            if (kallsyms.isEmpty()) {
                triedSymbols.stream().limit(MAX_TRIED).forEach(exception::tried);
            }
            triedLayouts.stream().limit(MAX_TRIED).forEach(exception::tried);
            throw exception;
        }
        BtfLayouts layouts = BtfLayouts.of(btf.get(), needs.members());
        Map<String, Long> linked = new HashMap<>();
        symbols.forEach((name, address) -> {
            if (needs.wantsSymbol(name)) {
                linked.put(name, linkAddress(kernel, address));
            }
        });
        progress.report("reading the kernel's structure layouts from guest memory", 2, 2);
        return Optional.of(new Profile(kernel.release(),
                KernelMatch.of(kernel),
                new Origin(SOURCE, guest.info().uri().toString(), LocalDate.now(ZoneOffset.UTC).toString(), 1,
                        proof(image, kernel, kallsyms.get(), found.get(), symbols)),
                linked, layouts.structs(),
                needs.constants().isEmpty() ? Map.of() : BtfLayouts.constants(btf.get(), needs::wantsConstant)));
    }

    private static void tell(Progress progress, Optional<Kallsyms> kallsyms, Set<String> triedSymbols,
            Optional<BtfFinder.Found> btf, Set<String> triedLayouts) {
        triedSymbols.stream().limit(MAX_TRIED)
                .forEach(tried -> progress.met(new Clue(Verdict.REJECTED, "kallsyms", "", tried)));
        progress.met(kallsyms.map(found -> new Clue(Verdict.FOUND, "kallsyms", found.spans().isEmpty() ? ""
                : "names at GVA 0x" + Long.toHexString(found.spans().get(0).gva()), found.how()))
                .orElse(new Clue(Verdict.MISSING, "kallsyms", "", "no table of symbols in the kernel image")));
        triedLayouts.stream().limit(MAX_TRIED)
                .forEach(tried -> progress.met(new Clue(Verdict.REJECTED, "BTF", "", tried)));
        progress.met(btf.map(found -> new Clue(Verdict.FOUND, "BTF", "GVA 0x" + Long.toHexString(found.span().gva()),
                found.span().length() + " bytes, " + found.btf().count() + " types"))
                .orElse(new Clue(Verdict.MISSING, "BTF", "", "no .BTF section in the kernel image")));
    }

    /** The bytes it was made of, unless something of them cannot be known again. */
    private static String proof(KernelImage image, KernelIdentity kernel, Kallsyms kallsyms, BtfFinder.Found btf,
            Map<String, Long> symbols) {
        List<Span> spans = new ArrayList<>(kallsyms.spans());
        Long banner = kallsyms.lookUp(List.of(BANNER)).get(BANNER);
        if (spans.isEmpty() || banner == null || !banner.equals(symbols.get(BANNER))) {
            return "";
        }
        spans.add(btf.span());
        return Fingerprint.of(image, spans, kernel.kaslrOffset())
                .map(bytes -> Long.toHexString(linkAddress(kernel, banner)) + " " + bytes).orElse("");
    }

    /**
     * The same kallsyms and BTF tell the same. What KASLR adds to addresses is in none of the bytes compared: that it
     * is added rightly is seen by the banner, which the symbols must have where the guest has it.
     */
    @Override
    public Optional<Profile> confirm(Profile learnt, Guest guest, KernelIdentity kernel, AddressSpace space,
            Progress progress) {
        String proof = learnt.origin().proof();
        Long banner = kernel.symbols().get(BANNER);
        if (!learnt.origin().source().equals(SOURCE) || !learnt.kernel().matches(kernel) || banner == null
                || !proof.startsWith(Long.toHexString(linkAddress(kernel, banner)) + " ")) {
            return Optional.empty();
        }
        KernelImage image = new KernelImage(guest.memory(), space, kernel.imageStart(), kernel.imageEnd());
        boolean same = Fingerprint.matches(proof.substring(proof.indexOf(' ') + 1), image, kernel.kaslrOffset());
        if (same) {
            progress.met(new Clue(Verdict.FOUND, "kallsyms and BTF", "",
                    "byte for byte those that it was learnt from"));
        }
        return same ? Optional.of(learnt) : Optional.empty();
    }

    /** Undoes what {@link org.xenhpt.api.kernel.Kernel#relocate} does. */
    private static long linkAddress(KernelIdentity kernel, long gva) {
        boolean inImage = Long.compareUnsigned(gva, kernel.architecture().lowestImageAddress()) >= 0;
        return inImage ? gva - kernel.kaslrOffset() : gva;
    }
}
