// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.xen;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.xenhpt.api.error.Reason;

/** Guests that come and go while hpt looks on, an hpt that is killed, one that may not, and guests that it cannot read. */
@Tag("xen")
@Order(5)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class XenLifecycleTest {
    /** One "xl list" or one command of hpt alone can take 20 seconds where the whole computer is emulated. */
    private static final long SECONDS = 300;

    @Test
    @Order(1)
    void aGuestAppearsAndIsReadAndIsGoneWithoutATrace() throws IOException {
        XenLab lab = XenLab.up();
        HptShell hpt = lab.shell();
        XenSpec spec = new XenSpec("brief", XenSpec.Kind.PVH, "bookworm-amd64", 1);
        assertThat(guests(hpt)).doesNotContain(spec.name());
        String uuid;
        try (XenGuest guest = XenGuest.create(lab, spec)) {
            XenLab.await(spec.name() + " in hpt guests", SECONDS, () -> guests(hpt).contains(spec.name()));
            guest.await();
            Map<String, JsonNode> first = byAddress(hpt.ask("ps " + spec.uri() + " --json").rows());
            assertThat(first).hasSizeGreaterThan(20);
            assertThat(hpt.held().foreign()).as("mappings of the guest").isPositive();
            isReadOnAfterItWasSavedAndRestored(lab, hpt, spec, first);
            uuid = lab.dom0("xl list -v brief | awk 'NR > 1 { for (i = 1; i <= NF; i++) if (length($i) == 36) print $i }'")
                    .strip();
            assertThat(UUID.fromString(uuid)).isNotNull();
            guest.destroy();
            // The session is open still, and nobody asks it for anything.
            noDomainIsLeft(lab, spec.name(), uuid);
        }
        assertThat(guests(hpt)).doesNotContain(spec.name());
        HptShell.Answer answer = hpt.ask("ps " + spec.uri() + " --json");
        assertThat(answer.messages()).as(answer.toString()).isNotEmpty().last().asString()
                .matches("hpt: .*" + spec.uri() + ": .*(destroyed|gone|ended|no such|no guest).*");
        assertThat(answer.lines()).as("and no list").doesNotContain("[");
    }

    private static Map<String, JsonNode> byAddress(List<JsonNode> tasks) {
        return tasks.stream().collect(Collectors.toMap(task -> task.get("address").asText(), task -> task));
    }

    /** It is another domain then, of the same name. */
    private static void isReadOnAfterItWasSavedAndRestored(XenLab lab, HptShell hpt, XenSpec spec,
            Map<String, JsonNode> before) throws IOException {
        String domid = lab.dom0("xl domid " + spec.name());
        lab.dom0("xl save " + spec.name() + " /root/saved >&2 && xl restore /root/saved >&2 && rm /root/saved");
        assertThat(lab.dom0("xl domid " + spec.name())).isNotEqualTo(domid);
        HptShell.Answer answer = hpt.ask("ps " + spec.uri() + " --json");
        assertThat(answer.messages()).singleElement().asString()
                .contains(spec.uri() + " was started anew, with the same kernel");
        Map<String, JsonNode> after = byAddress(answer.rowsAndMessages());
        before.forEach((address, task) -> {
            // Kernel threads of no work end.
            if (!task.get("name").asText().startsWith("kworker")) {
                assertThat(after).containsKey(address);
                assertThat(after.get(address).get("pid")).isEqualTo(task.get("pid"));
                assertThat(after.get(address).get("start")).isEqualTo(task.get("start"));
            }
        });
    }

    @Test
    @Order(3)
    void aKilledHptLeavesNoDomainBehind() throws IOException {
        XenLab lab = XenLab.up();
        XenSpec spec = new XenSpec("killed", XenSpec.Kind.PVH, "bookworm-amd64", 1);
        try (XenGuest guest = XenGuest.create(lab, spec)) {
            // All tests', for starting one takes a minute; whoever wants one after this gets a new one.
            HptShell hpt = lab.shell();
            guest.await();
            assertThat(hpt.ask("ps " + spec.uri() + " --json").rows()).hasSizeGreaterThan(20);
            assertThat(hpt.held().foreign()).as("mappings of the guest").isPositive();
            hpt.kill();
            String uuid = lab.dom0("xenstore-read $(xenstore-read /local/domain/$(xl domid killed)/vm)/uuid").strip();
            guest.destroy();
            noDomainIsLeft(lab, spec.name(), uuid);
        }
    }

    @Test
    @Order(2)
    void whoIsNotRootIsTold() throws IOException {
        XenLab lab = XenLab.up();
        String said = lab.dom0("cd /; setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/tmp HPT_NO_ARCHIVE=1 "
                + lab.hpt() + " ps xen:anything 2>&1; echo exit $?");
        assertThat(said).matches("(?s)hpt: .*xen:anything.*root.*exit \\d+\\s*").contains("exit "
                + Reason.ACCESS_DENIED.exitCode());
    }

    @Test
    @Order(2)
    void aPvGuestIsListedAndRefused() throws IOException {
        XenLab lab = XenLab.up();
        HptShell hpt = lab.shell();
        XenSpec spec = new XenSpec("pv", XenSpec.Kind.PV, "bookworm-amd64", 1);
        try (XenGuest guest = XenGuest.create(lab, spec)) {
            assertThat(hpt.ask("guests --json").rows()).filteredOn(row -> row.get("name").asText().equals("pv"))
                    .singleElement().satisfies(row -> assertThat(row.get("type").asText()).isEqualTo("PV"));
            refused(hpt, guest.spec().uri(), "PV guest");
        }
        refused(hpt, "xen:0", "Domain 0 is no guest");
    }

    private static void refused(HptShell hpt, String uri, String why) throws IOException {
        HptShell.Answer answer = hpt.ask("ps " + uri + " --json");
        assertThat(answer.messages()).as(answer.toString()).isNotEmpty();
        assertThat(String.join("\n", answer.messages())).contains(uri, why);
        assertThat(answer.lines()).as("and no list").doesNotContain("[");
    }

    private static List<String> guests(HptShell hpt) {
        try {
            return hpt.ask("guests --json").rowsAndMessages().stream().map(row -> row.get("name").asText()).toList();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    /** A domain whose memory somebody still maps stays in Xen's list, without a name and marked as dying. */
    private static void noDomainIsLeft(XenLab lab, String name, String uuid) throws IOException {
        String[] last = {""};
        XenLab.await("no domain left of " + name, SECONDS, () -> {
            try {
                last[0] = lab.dom0("xl list -v");
            } catch (IOException e) {
                throw new AssertionError(e);
            }
            return last[0].lines().skip(1).noneMatch(line -> line.contains("(null)") || line.contains(uuid)
                    || line.startsWith(name + " ") || line.matches(".* [r-][b-][p-][s-][c-]d .*"));
        });
    }
}
