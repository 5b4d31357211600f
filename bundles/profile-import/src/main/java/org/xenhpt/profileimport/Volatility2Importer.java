// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileImporter;

/** A Volatility 2 profile: a zip with {@code module.dwarf} and the kernel's {@code System.map}, in whatever folders. */
@Component
public final class Volatility2Importer implements ProfileImporter {
    private static final long LARGEST_ZIP = 256 << 20;
    private static final long LARGEST_DWARF = 128 << 20;
    private static final long LARGEST_MAP = 128 << 20;
    /** {@code /usr/src/linux-headers-RELEASE}, {@code /usr/src/kernels/RELEASE}, {@code /lib/modules/RELEASE/build}. */
    private static final Pattern BUILD_FOLDER =
            Pattern.compile(".*/(?:linux-headers-|kernels/|modules/)(\\d[^/ ]{0,100})(?:/.*)?");

    @Override
    public String format() {
        return "volatility2";
    }

    @Override
    public List<String> endings() {
        return List.of(".zip");
    }

    @Override
    public boolean accepts(Path path) {
        if (!Files.isRegularFile(path) || !isZip(path)) {
            return false;
        }
        try (ZipFile zip = open(new SourceFile(path))) {
            return entry(zip, Volatility2Importer::isDwarf).isPresent();
        } catch (IOException | HptException e) {
            return false;
        }
    }

    private static boolean isZip(Path path) {
        try (InputStream in = Files.newInputStream(path)) {
            byte[] magic = in.readNBytes(4);
            return magic.length == 4 && magic[0] == 'P' && magic[1] == 'K' && magic[2] == 3 && magic[3] == 4;
        } catch (IOException e) {
            return false;
        }
    }

    @Override
    public Profile read(Path path, Needs needs) {
        SourceFile file = new SourceFile(path);
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw file.bad("is not a regular file");
        }
        try (ZipFile zip = open(file)) {
            ZipEntry dwarf = entry(zip, Volatility2Importer::isDwarf).orElseThrow(() -> file.bad(
                    "has no module.dwarf: it is not a Volatility 2 profile of a Linux kernel"));
            Optional<ZipEntry> map = entry(zip, name -> name.startsWith("System.map"));
            return profile(file, zip, dwarf, map, needs);
        } catch (IOException e) {
            throw file.bad(e);
        } catch (IllegalArgumentException e) {
            // A zip whose names are in no known encoding.
            throw file.bad("is damaged: " + e.getMessage());
        }
    }

    private Profile profile(SourceFile file, ZipFile zip, ZipEntry dwarfEntry, Optional<ZipEntry> mapEntry, Needs needs)
            throws IOException {
        DwarfText dwarf;
        try (InputStream in = new BoundedStream(zip.getInputStream(dwarfEntry), LARGEST_DWARF)) {
            String part = dwarfEntry.getName() + ":";
            dwarf = DwarfText.read(file, part, new Lines(file, part, in));
        }
        Architecture architecture = dwarf.pointerSize() == 8 ? Architecture.X86_64 : Architecture.I386;
        String release = release(dwarf.buildFolder());
        Map<String, Long> symbols = Map.of();
        if (mapEntry.isPresent()) {
            String name = mapEntry.get().getName();
            SymbolText map;
            try (InputStream in = new BoundedStream(zip.getInputStream(mapEntry.get()), LARGEST_MAP)) {
                map = SymbolText.read(file, new Lines(file, name + ":", in), SymbolText.Kind.SYSTEM_MAP, needs);
            }
            if (map.architecture() != architecture) {
                throw file.bad(name, "has " + map.architecture().label() + " addresses, and " + dwarfEntry.getName()
                        + " pointers of " + dwarf.pointerSize() + " bytes: they are of different kernels");
            }
            symbols = map.symbols();
            String named = SystemMapImporter.release(baseName(name));
            release = named.isEmpty() ? release : named;
        }
        Map<String, Long> constants = new HashMap<>(dwarf.enumerators());
        constants.keySet().removeIf(name -> !needs.wantsConstant(name) || !Names.isUsable(name));
        return new Profile(release.isEmpty() ? file.plainName(".zip") : release,
                new KernelMatch(architecture, release, "", ""), file.origin(format(), ""), symbols,
                LayoutCollector.collect(file, needs, dwarf::struct, dwarf.structNames()), constants);
    }

    private static ZipFile open(SourceFile file) {
        try {
            // The list of entries is read whole.
            if (Files.size(file.path()) > LARGEST_ZIP) {
                throw file.bad("is larger than " + (LARGEST_ZIP >> 20) + " MiB, which no such file is");
            }
            return new ZipFile(file.path().toFile());
        } catch (IOException e) {
            throw file.bad(e);
        }
    }

    /** The file of the kind that lies highest in the zip. */
    private static Optional<ZipEntry> entry(ZipFile zip, Predicate<String> kind) {
        return zip.stream().filter(e -> !e.isDirectory() && !e.getName().startsWith("__MACOSX/")
                        && kind.test(baseName(e.getName())))
                .map(ZipEntry.class::cast)
                .min(Comparator.comparingInt((ZipEntry e) -> (int) e.getName().chars().filter(c -> c == '/').count())
                        .thenComparing(ZipEntry::getName));
    }

    private static boolean isDwarf(String name) {
        return name.endsWith(".dwarf") && !name.startsWith(".");
    }

    private static String baseName(String name) {
        return name.substring(name.lastIndexOf('/') + 1);
    }

    private static String release(String buildFolder) {
        Matcher matcher = BUILD_FOLDER.matcher(buildFolder);
        return matcher.matches() ? matcher.group(1) : "";
    }
}
