// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.xenhpt.itests.guest.Lister;
import org.xenhpt.itests.guest.TestGuest;

/**
 * What {@code hpt identify} says of a guest.
 *
 * @param values by what they are, in hpt's words
 * @param how    how each was found
 */
public record Identity(Map<String, String> values, Map<String, String> how) {
    static Identity of(String uri) {
        Hpt.Result result = Hpt.run("identify", uri, "--json");
        // A kernel without a profile is identified all the same, with a warning.
        assertThat(result.exitCode()).as("exit code of %s", result).isZero();
        return of(result.arrays().get(0));
    }

    /** What these rows of JSON say. */
    public static Identity of(List<JsonNode> rows) {
        return new Identity(
                rows.stream().collect(Collectors.toMap(r -> r.get("what").asText(), r -> r.get("value").asText())),
                rows.stream().collect(Collectors.toMap(r -> r.get("what").asText(), r -> r.get("how").asText())));
    }

    /** Compares with what the guest's own kernel says. */
    void check(TestGuest guest, String architecture, String paging) throws IOException {
        check(guest.kernel(), guest.release(), architecture, paging);
    }

    /** Compares with what a guest's own kernel, of this release, says. */
    public void check(Lister.KernelTruth truth, String release, String architecture, String paging) {
        boolean amd64 = architecture.equals("x86-64");
        // Where an unmoved kernel is linked, and where the mapping of its image begins (CONFIG_PHYSICAL_START is 16 MiB).
        long linked = amd64 ? 0xffffffff81000000L : 0xc1000000L;
        long mapping = amd64 ? 0xffffffff80000000L : 0xc0000000L;
        assertThat(values).containsEntry("kernel", release).containsEntry("banner", truth.banner())
                .containsEntry("architecture", architecture).containsEntry("paging", paging);
        assertThat(number("KASLR offset")).as("KASLR offset").isEqualTo(truth.text() - linked);
        assertThat(number("physical base")).as("physical base")
                .isEqualTo(truth.textGpa() - (truth.text() - mapping));
        if (amd64) {
            assertThat(values).containsKeys("profile", "decoder");
        }
        assertThat(how.values()).as("how each was found").noneMatch(String::isBlank);
    }

    /** A number as hpt writes it, with a sign and 0x. */
    private long number(String what) {
        assertThat(values).containsKey(what);
        String text = values.get(what).split(" ")[0];
        boolean negative = text.startsWith("-");
        String digits = text.substring(negative ? 1 : 0);
        long value = Long.decode(digits);
        return negative ? -value : value;
    }
}
