// SPDX-License-Identifier: Apache-2.0
package ${package}.profiles;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.xenhpt.api.kernel.Architecture;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.StructLayout;

/** Reads the format that profiles.txt describes. */
final class ProfileText {
    private final List<Profile> profiles = new ArrayList<>();
    private String release = "";
    private String banner = "";
    private final Map<String, Long> symbols = new LinkedHashMap<>();
    private final Map<String, Integer> sizes = new LinkedHashMap<>();
    private final Map<String, Map<String, Member>> members = new LinkedHashMap<>();

    List<Profile> read(List<String> lines) {
        for (String line : lines) {
            String[] words = line.strip().split(" +", 5);
            switch (words[0]) {
                case "kernel" -> {
                    end();
                    release = words[1];
                }
                case "banner" -> banner = line.strip().substring("banner ".length());
                case "symbol" -> symbols.put(words[1], Long.parseUnsignedLong(words[2], 16));
                case "struct" -> sizes.put(words[1], Integer.decode(words[2]));
                case "member" -> {
                    String[] path = words[1].split("\\.");
                    members.computeIfAbsent(path[0], tag -> new LinkedHashMap<>()).put(path[1],
                            new Member(Integer.decode(words[2]), Integer.decode(words[3]), words[4]));
                }
                case "", "#" -> { }
                default -> throw new IllegalArgumentException("profiles.txt: " + line);
            }
        }
        end();
        return List.copyOf(profiles);
    }

    private void end() {
        if (!release.isEmpty()) {
            Map<String, StructLayout> structs = new LinkedHashMap<>();
            sizes.forEach((tag, size) -> structs.put(tag, new StructLayout(size, members.getOrDefault(tag, Map.of()))));
            profiles.add(new Profile(release, new KernelMatch(Architecture.X86_64, release, banner, ""),
                    new Origin("${artifactId}", "profiles.txt", "2026-01-01"), symbols, structs, Map.of()));
        }
        release = "";
        banner = "";
        symbols.clear();
        sizes.clear();
        members.clear();
    }
}
