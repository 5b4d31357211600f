// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.osgi.service.component.annotations.Component;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileImporter;

/** {@code System.map}, and what {@code /proc/kallsyms} prints, plain or packed with gzip. */
@Component
public final class SystemMapImporter implements ProfileImporter {
    private static final long LARGEST = 128 << 20;
    private static final String SYSTEM_MAP = "System.map";
    /** The list of the kernel that runs here: what else is known of that kernel can be had too. */
    private static final Path RUNNING = Path.of("/proc/kallsyms");

    @Override
    public String format() {
        return "system-map";
    }

    @Override
    public boolean accepts(Path path) {
        String head = new String(new SourceFile(path).head(), StandardCharsets.ISO_8859_1);
        int end = head.indexOf('\n');
        return SymbolText.looksLikeIt(end < 0 ? head : head.substring(0, end));
    }

    @Override
    public List<String> endings() {
        return List.of(".map", ".gz");
    }

    @Override
    public Profile read(Path path, Needs needs) {
        SourceFile file = new SourceFile(path);
        SymbolText text;
        try (InputStream in = file.open(LARGEST)) {
            text = SymbolText.read(file, new Lines(file, "", in), kind(file.name()), needs);
        } catch (IOException e) {
            throw file.bad(e);
        }
        String release = release(file.plainName());
        String banner = "";
        if (path.toAbsolutePath().normalize().equals(RUNNING)) {
            release = line(Path.of("/proc/sys/kernel/osrelease"));
            banner = line(Path.of("/proc/version"));
        }
        String note = text.undone() == 0 ? ""
                : " (moved back by KASLR's 0x" + Long.toHexString(text.undone()) + ")";
        return new Profile(release.isEmpty() ? file.plainName() : release,
                new KernelMatch(text.architecture(), release, banner, ""), file.origin(format(), note),
                text.symbols(), Map.of(), Map.of());
    }

    static SymbolText.Kind kind(String fileName) {
        return fileName.contains("kallsyms") ? SymbolText.Kind.KALLSYMS
                : fileName.startsWith(SYSTEM_MAP) ? SymbolText.Kind.SYSTEM_MAP : SymbolText.Kind.UNKNOWN;
    }

    /** Distributions name the file after the release: {@code System.map-6.1.0-50-amd64}. Empty when not so. */
    static String release(String fileName) {
        String prefix = SYSTEM_MAP + "-";
        return fileName.startsWith(prefix) && fileName.substring(prefix.length()).matches("\\d[!-~]{0,100}")
                ? fileName.substring(prefix.length()) : "";
    }

    private static String line(Path path) {
        try {
            return Files.readString(path).strip();
        } catch (IOException e) {
            return "";
        }
    }
}
