// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileImporter;
import org.xenhpt.api.profile.StructLayout;

/** Volatility 3's symbols (ISF): JSON, plain or packed with gzip. */
@Component
public final class IsfImporter implements ProfileImporter {
    /** How often a file is read at most: each time for the structures that the last reading named. */
    private static final int MOST_PASSES = 24;
    /** Fewer than a kernel has: a file cut down by hand, of which nothing can be concluded from what it lacks. */
    private static final int WHOLE_KERNEL = 1000;
    private static final Pattern RELEASE = Pattern.compile("Linux version (\\S{1,100}) .*", Pattern.DOTALL);
    private static final Pattern HEAD = Pattern.compile("\\s*\\{.*\"(metadata|base_types|user_types|enums|symbols)\".*",
            Pattern.DOTALL);

    @Override
    public String format() {
        return "isf";
    }

    @Override
    public List<String> endings() {
        return List.of(".json", ".json.gz");
    }

    @Override
    public boolean accepts(Path path) {
        SourceFile file = new SourceFile(path);
        byte[] head = file.head();
        // An xz is taken to say how to unpack it.
        return isXz(head) && file.name().endsWith(".json.xz")
                || HEAD.matcher(new String(head, StandardCharsets.ISO_8859_1)).matches();
    }

    private static boolean isXz(byte[] head) {
        return head.length > 4 && (head[0] & 0xff) == 0xfd && head[1] == '7' && head[2] == 'z' && head[3] == 'X';
    }

    @Override
    public Profile read(Path path, Needs needs) {
        SourceFile file = new SourceFile(path);
        if (Files.isRegularFile(path) && isXz(file.head())) {
            throw file.bad("is packed with xz, which Java cannot unpack")
                    .next("unpack it first: xz -dk " + file.name());
        }
        Set<String> first = new HashSet<>();
        for (String need : needs.members()) {
            first.add(need.substring(0, Math.max(0, need.indexOf('.'))));
        }
        IsfReader isf = IsfReader.read(file, needs, first);
        Architecture architecture = architecture(file, isf);
        Matcher matcher = RELEASE.matcher(isf.banner());
        String release = matcher.matches() ? matcher.group(1) : "";
        return new Profile(release.isEmpty() ? file.plainName(".json") : release,
                new KernelMatch(architecture, release, isf.banner(), ""), file.origin(format(), ""), isf.symbols(),
                layouts(file, isf, needs), isf.constants());
    }

    private static Map<String, StructLayout> layouts(SourceFile file, IsfReader isf, Needs needs) {
        for (int pass = 0; pass < MOST_PASSES; pass++) {
            Set<String> missing = new HashSet<>();
            Map<String, StructLayout> layouts = LayoutCollector.collect(file, needs, name -> {
                if (!isf.isLoaded(name) && isf.knows(name)) {
                    missing.add(name);
                }
                return isf.struct(name);
            }, isf.structNames());
            if (missing.isEmpty()) {
                return layouts;
            }
            isf.load(missing);
        }
        throw file.bad("its structures lie in each other more than " + MOST_PASSES + " deep");
    }

    private static Architecture architecture(SourceFile file, IsfReader isf) {
        if (!isf.isLinux()) {
            throw file.bad("has the symbols of a " + isf.otherSystem() + " kernel, not of Linux");
        }
        long pointer = isf.pointerSize();
        if (pointer != 4 && pointer != 8) {
            throw file.bad(pointer == 0 ? "does not tell the size of a pointer (base_types): it is no ISF"
                    : "has pointers of " + pointer + " bytes");
        }
        Architecture architecture = pointer == 8 ? Architecture.X86_64 : Architecture.I386;
        boolean elsewhere = isf.text() != -1
                && Long.compareUnsigned(isf.text(), architecture.lowestImageAddress()) < 0;
        boolean foreign = isf.structNames().size() > WHOLE_KERNEL && !isf.knows("cpuinfo_x86");
        if (elsewhere || foreign) {
            throw file.bad("is of a kernel for other processors than x86: "
                    + (isf.banner().isEmpty() ? "it has no banner" : isf.banner()));
        }
        return architecture;
    }
}
