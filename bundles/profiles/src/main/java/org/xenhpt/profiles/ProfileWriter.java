// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.profile.KernelMatch;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.StructLayout;

/** The text of a profile: the same profile always gives the same text, one fact a line, so that diffs are small. */
final class ProfileWriter {
    /** What every YAML reader takes for a text when it stands bare, also inside {...}. */
    private static final Pattern BARE = Pattern.compile("[A-Za-z_][A-Za-z0-9_.+/@()~-]*( [A-Za-z0-9_.+/@()*~-]+)*");
    /** Bare words that YAML 1.1 takes for something else. */
    private static final Pattern RESERVED = Pattern.compile("(?i)y|n|yes|no|on|off|true|false|null");

    private final StringBuilder out = new StringBuilder(32 * 1024);

    private ProfileWriter() {
    }

    /** @throws HptException {@code BAD_PROFILE} when a reader would refuse it */
    static String write(Profile profile) {
        ProfileWriter writer = new ProfileWriter();
        writer.profile(profile);
        String text = writer.out.toString();
        Problems problems = new Problems(profile.name());
        ProfileReader.read(profile.name(), text, problems);
        if (!problems.none()) {
            throw new HptException(Step.PROFILE, Reason.BAD_PROFILE, profile.name(), "is not a complete profile: "
                    + problems.list().get(0).message()).next(profile.kernel().release().isEmpty()
                            ? "add a source that tells the kernel's release, or name the file System.map-RELEASE"
                            : "correct the source that it was made from");
        }
        return text;
    }

    private void profile(Profile profile) {
        KernelMatch kernel = profile.kernel();
        out.append("schema: ").append(ProfileReader.SCHEMA).append('\n');
        out.append("kernel:\n");
        field("release", kernel.release());
        field("architecture", kernel.architecture().label());
        optional("banner", kernel.banner());
        optional("build-id", kernel.buildId());
        out.append("origin:\n");
        field("source", profile.origin().source());
        optional("from", profile.origin().from());
        optional("made", profile.origin().made());
        if (profile.origin().confidence() < 1) {
            out.append("  confidence: ").append(profile.origin().confidence()).append('\n');
        }
        optional("proof", profile.origin().proof());
        if (!profile.symbols().isEmpty()) {
            out.append("symbols:\n");
            profile.symbols().forEach((name, address) -> out.append("  ").append(scalar(name))
                    .append(": 0x").append(Long.toHexString(address)).append('\n'));
        }
        if (!profile.structs().isEmpty()) {
            out.append("structs:\n");
            profile.structs().forEach(this::struct);
        }
        if (!profile.constants().isEmpty()) {
            out.append("constants:\n");
            profile.constants().forEach((name, value) -> out.append("  ").append(scalar(name)).append(": ")
                    .append(value).append('\n'));
        }
    }

    private void struct(String tag, StructLayout layout) {
        out.append("  ").append(scalar(tag)).append(":\n    size: ").append(layout.size()).append('\n');
        if (layout.members().isEmpty()) {
            return;
        }
        out.append("    members:\n");
        List<Map.Entry<String, Member>> members = layout.members().entrySet().stream().sorted(
                Comparator.comparingInt((Map.Entry<String, Member> e) -> e.getValue().offset())
                        .thenComparing(Map.Entry::getKey)).toList();
        for (Map.Entry<String, Member> entry : members) {
            Member member = entry.getValue();
            out.append("      ").append(scalar(entry.getKey())).append(": {offset: ").append(member.offset())
                    .append(", size: ").append(member.size());
            if (!member.type().isEmpty()) {
                out.append(", type: ").append(scalar(member.type()));
            }
            out.append("}\n");
        }
    }

    private void optional(String name, String value) {
        if (!value.isEmpty()) {
            field(name, value);
        }
    }

    private void field(String name, String value) {
        out.append("  ").append(name).append(": ").append(scalar(value)).append('\n');
    }

    private static String scalar(String text) {
        if (BARE.matcher(text).matches() && !RESERVED.matcher(text).matches()) {
            return text;
        }
        if (text.chars().allMatch(c -> c >= ' ' && c <= '~')) {
            return "'" + text.replace("'", "''") + "'";
        }
        StringBuilder quoted = new StringBuilder("\"");
        text.codePoints().forEach(c -> {
            if (c == '"' || c == '\\') {
                quoted.append('\\').appendCodePoint(c);
            } else if (c >= ' ' && c <= '~' || Character.isLetterOrDigit(c) && !Character.isSurrogate((char) c)) {
                quoted.appendCodePoint(c);
            } else {
                quoted.append(c > 0xffff ? String.format("\\U%08x", c) : String.format("\\u%04x", c));
            }
        });
        return quoted.append('"').toString();
    }
}
