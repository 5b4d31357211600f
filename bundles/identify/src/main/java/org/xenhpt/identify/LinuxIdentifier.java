// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.identify;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.kernel.Clue;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.kernel.KernelIdentifier;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.Translator;

/** Finds a guest's Linux kernel in its physical memory. The package's documentation says by what. */
@Component
public final class LinuxIdentifier implements KernelIdentifier {
    private static final int MAX_SHOWN = 8;

    private final Translator translator;

    @Activate
    public LinuxIdentifier(@Reference Translator translator) {
        this.translator = translator;
    }

    @Override
    public KernelIdentity identify(Guest guest, Progress progress) {
        return identifyAll(guest, progress).get(0);
    }

    @Override
    public List<KernelIdentity> identifyAll(Guest guest, Progress progress) {
        PhysicalMemory memory = guest.memory();
        Ram ram = new Ram(memory);
        KernelCheck check = new KernelCheck(memory, ram, translator, progress);
        Optional<FoundKernel> told = guest.vmcoreinfo().flatMap(Vmcoreinfo::parse)
                .flatMap(info -> check.check(info, -1, "that comes with the image", List.of()));
        if (told.isPresent()) {
            return List.of(identity(told.get(), Map.of(), ""));
        }
        MemorySearch search = new MemorySearch(memory, ram, progress);
        search.pages();
        List<FoundKernel> found = kernels(search, check);
        if (found.isEmpty()) {
            for (I386Tables.Candidate table : new I386Tables(memory, ram).find(progress)) {
                check.check(table).ifPresent(kernel -> add(found, kernel));
            }
        }
        if (found.isEmpty()) {
            search.everything();
            kernels(search, check).forEach(kernel -> add(found, kernel));
        }
        if (found.isEmpty()) {
            throw notIdentified(guest, ram, search, check);
        }
        RunningKernel running = new RunningKernel(memory);
        FoundKernel chosen = running.choose(found);
        Map<FoundKernel, String> others = new LinkedHashMap<>();
        found.stream().filter(other -> other != chosen).forEach(o -> others.put(o, running.why(o, chosen)));
        others.forEach((other, why) -> progress.met(new Clue(Clue.Verdict.REJECTED,
                "kernel " + other.banner().release(), "page tables at GPA " + hex(other.space().rootGpa()), why)));
        List<KernelIdentity> all = new ArrayList<>(List.of(identity(chosen, others, chosen.place().text())));
        // Why one of them is chosen all the same, whoever does so says.
        others.keySet().stream().filter(other -> !other.crashed() || chosen.crashed())
                .forEach(other -> all.add(identity(other, Map.of(), other.place().text())));
        return List.copyOf(all);
    }

    @Override
    public Optional<KernelIdentity> identifyAt(String place, Guest guest, Progress progress) {
        PhysicalMemory memory = guest.memory();
        return KnownPlace.parse(place)
                .flatMap(known -> KernelCheck.checkAt(known, memory, new Ram(memory), translator, progress))
                .filter(kernel -> !kernel.crashed() && kernel.place().text().equals(place))
                .map(kernel -> identity(kernel, Map.of(), place));
    }

    private static List<FoundKernel> kernels(MemorySearch search, KernelCheck check) {
        List<ImageMapping> mappings = search.tables().stream().map(MemorySearch.TableCopy::mapping).distinct().toList();
        Stream<FoundKernel> byText = search.copies().stream().flatMap(copy -> check.check(copy.vmcoreinfo(),
                copy.gpa(), "at GPA 0x" + Long.toHexString(copy.gpa()), mappings).stream());
        List<FoundKernel> found = new ArrayList<>();
        byText.forEach(kernel -> add(found, kernel));
        for (MemorySearch.TableCopy table : search.tables()) {
            boolean known = found.stream().anyMatch(kernel -> kernel.architecture() == Architecture.X86_64
                    && table.mapping().holds(kernel.space().rootGpa()));
            if (!known) {
                check.check(table).ifPresent(kernel -> add(found, kernel));
            }
        }
        return found;
    }

    /**
     * One kernel may be met by several texts. With a crash kernel loaded it keeps a second copy of its VMCOREINFO, and
     * writes CRASHTIME into that one alone (1229384f5b856): the copy that tells of a panic counts.
     */
    private static void add(List<FoundKernel> found, FoundKernel kernel) {
        for (int i = 0; i < found.size(); i++) {
            if (found.get(i).sameAs(kernel)) {
                if (kernel.crashed()) {
                    found.set(i, kernel);
                }
                return;
            }
        }
        found.add(kernel);
    }

    private static KernelIdentity identity(FoundKernel kernel, Map<FoundKernel, String> others, String place) {
        List<Finding> findings = new ArrayList<>();
        Optional<Vmcoreinfo> info = kernel.vmcoreinfo();
        boolean is64 = kernel.architecture() == Architecture.X86_64;
        String release = kernel.banner().release();
        findings.add(new Finding("kernel", release, kernel.how() + "; init_uts_ns says the same"));
        findings.add(new Finding("banner", kernel.banner().text(), "read at GVA 0x"
                + Long.toHexString(kernel.bannerAt()) + "; ends in the version that init_uts_ns has"));
        String buildId = info.map(Vmcoreinfo::buildId).orElse("");
        if (!buildId.isEmpty()) {
            findings.add(new Finding("build id", buildId, "VMCOREINFO"));
        }
        findings.add(new Finding("architecture", kernel.architecture().label(),
                info.isPresent() ? "the symbols' addresses in VMCOREINFO"
                        : is64 ? "the page tables map the image as x86-64 does"
                        : "the page tables map low memory as i386 does"));
        findings.add(new Finding("paging", kernel.space().mode().label(),
                "the only mode in which the kernel's page tables map its image"));
        long kaslr = kernel.kaslrOffset().orElse(0);
        findings.add(new Finding("KASLR offset", kernel.kaslrOffset().isPresent() ? signedHex(kaslr)
                : "unknown, taken as 0x0: symbols are runtime addresses", howKaslr(kernel, is64)));
        findings.add(new Finding("physical base", signedHex(kernel.physBase()), is64
                ? "the image at GVA " + hex(kernel.start()) + " is mapped to GPA "
                        + hex(kernel.start() - kernel.base() + kernel.physBase())
                : "the image is part of the direct map, which begins at GVA " + hex(kernel.base())));
        findings.add(new Finding("page tables", "GPA " + hex(kernel.space().rootGpa()), info.isPresent()
                ? "swapper_pg_dir in VMCOREINFO" : is64 ? "a page of the image that maps the image and all of RAM"
                        : "a table that maps low memory, and nothing for user space"));
        others.forEach((other, why) -> findings.add(new Finding("other kernel", other.banner().release()
                + ", page tables at GPA " + hex(other.space().rootGpa()), why)));
        Map<String, Long> symbols = new HashMap<>();
        long lowest = kernel.architecture().lowestImageAddress();
        info.ifPresent(i -> i.symbols().forEach((name, gva) -> {
            if (Long.compareUnsigned(gva, lowest) >= 0) {
                symbols.put(name, gva);
            }
        }));
        symbols.put("linux_banner", kernel.bannerAt());
        return new KernelIdentity(release, kernel.banner().text(), buildId, kernel.architecture(),
                kernel.space().mode(), kernel.space().rootGpa(), kaslr, kernel.physBase(), kernel.start(), kernel.end(),
                symbols, findings, place);
    }

    private static String howKaslr(FoundKernel kernel, boolean is64) {
        if (kernel.kaslrOffset().isEmpty()) {
            return kernel.vmcoreinfo().isPresent() ? "_stext is not at a place where KASLR would put it"
                    : "nothing tells where the image begins";
        }
        boolean listed = kernel.vmcoreinfo().map(Vmcoreinfo::kernelOffset)
                .filter(offset -> offset.equals(kernel.kaslrOffset())).isPresent();
        return listed ? "KERNELOFFSET in VMCOREINFO" : "the image begins at GVA " + hex(kernel.start())
                + " and is linked at " + hex(kernel.base() + ImageMapping.LINKED_AT);
    }

    private static String hex(long address) {
        return "0x" + Long.toHexString(address);
    }

    private static String signedHex(long distance) {
        return distance < 0 ? "-0x" + Long.toHexString(-distance) : hex(distance);
    }

    private static HptException notIdentified(Guest guest, Ram ram, MemorySearch search, KernelCheck check) {
        String mebibytes = (search.readable() >> 20) + " MiB of RAM";
        String detail;
        String next;
        if (search.readable() == 0) {
            detail = "none of the guest's " + (ram.size() >> 20) + " MiB of RAM can be read";
            next = "check that the image is whole, or that the backend may read this guest";
        } else if (!search.notEmpty()) {
            detail = mebibytes + " searched, all empty: the guest has not begun to boot";
            next = "try again when it has booted";
        } else if (search.copies().isEmpty() && search.tables().isEmpty()) {
            detail = mebibytes + " searched, no running Linux kernel: no VMCOREINFO and no kernel page tables"
                    + (search.banners().isEmpty() ? "" : "; it may be booting, or have shut down");
            next = "try again when the guest has booted; only Linux on x86 is known";
        } else {
            detail = mebibytes + " searched, nothing that looked like a Linux kernel was whole";
            next = "try again: a guest that boots or reboots looks like this for some seconds";
        }
        HptException exception = new HptException(Step.IDENTIFY, Reason.NOT_IDENTIFIED, guest.info().uri().toString(),
                detail).next(next);
        check.rejected().stream().limit(MAX_SHOWN).forEach(exception::tried);
        search.banners().forEach((text, gpa) -> {
            if (exception.tried().size() < 2 * MAX_SHOWN) {
                exception.tried("text at GPA 0x" + Long.toHexString(gpa) + ": " + text);
            }
        });
        return exception;
    }
}
