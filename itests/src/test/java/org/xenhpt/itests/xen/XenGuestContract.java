// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.xen;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestMethodOrder;
import org.xenhpt.itests.Agreement;
import org.xenhpt.itests.Identity;
import org.xenhpt.itests.KnownAnswers;
import org.xenhpt.itests.guest.GuestTask;
import org.xenhpt.itests.guest.TaskList;
import org.xenhpt.itests.guest.TestGuest;

/** What must hold for every guest of Xen, seen from dom0. A subclass names the guest. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
abstract class XenGuestContract {
    private XenGuest guest;
    private HptShell hpt;

    abstract XenSpec spec();

    final XenGuest guest() {
        return guest;
    }

    final HptShell hpt() {
        return hpt;
    }

    @BeforeAll
    void boot() throws IOException {
        XenLab lab = XenLab.up();
        guest = XenGuest.create(lab, spec());
        // The JVM starts while the guest boots: each has a CPU of its own.
        hpt = lab.shell();
        hpt.ask("help exit-codes --json").rows();
        guest.await();
    }

    @AfterAll
    void end() throws IOException {
        if (guest != null) {
            guest.close();
        }
    }

    @Test
    @Order(1)
    void isListed() throws IOException {
        JsonNode row = hpt.ask("guests --json").rows().stream()
                .filter(r -> r.get("name").asText().equals(spec().name())).findFirst().orElseThrow();
        assertThat(row.get("type").asText()).startsWith(spec().kind().type());
        assertThat(row.get("vcpus").intValue()).isEqualTo(spec().vcpus());
        // Xen keeps a few pages of an HVM guest's for itself.
        assertThat(row.get("memory").longValue()).isBetween((XenSpec.MEMORY_MIB - 10L) << 20,
                (XenSpec.MEMORY_MIB + 10L) << 20);
    }

    @Test
    @Order(2)
    void isIdentified() throws IOException {
        List<JsonNode> rows = hpt.ask("identify " + spec().uri() + " --json").rowsAndMessages();
        Identity.of(rows).check(guest.lister().kernel(), TestGuest.release(spec().kernel()), "x86-64", "4-level");
    }

    @Test
    @Order(3)
    void showsItsProcesses() throws IOException {
        TaskList before = guest.lister().list();
        List<JsonNode> rows = hpt.ask("ps " + spec().uri() + " --json").rows();
        new Agreement(before, guest.lister().list(), false).check(rows);
    }

    @Test
    @Order(3)
    void showsItsThreads() throws IOException {
        TaskList before = guest.lister().list();
        List<JsonNode> rows = hpt.ask("ps " + spec().uri() + " -T --json").rows();
        new Agreement(before, guest.lister().list(), true).check(rows);
    }

    @Test
    @Order(3)
    void drawsItsTree() throws IOException {
        TaskList before = guest.lister().list();
        List<JsonNode> rows = hpt.ask("tree " + spec().uri() + " --json").rows();
        TaskList after = guest.lister().list();
        new Agreement(before, after, false).check(rows);
        KnownAnswers.checkDepths(rows, before);
    }

    @Test
    @Order(3)
    void tellsTheTaskOnEachVcpuByItsMemoryAndByItsRegisters() throws IOException {
        TaskList before = guest.lister().list();
        for (boolean registers : new boolean[] {false, true}) {
            List<JsonNode> rows = hpt.ask("current " + spec().uri() + " --json" + (registers ? " --registers" : ""))
                    .rows();
            KnownAnswers.checkCurrent(rows, spec().vcpus(), registers, guest.lister().list().byTidSince(before));
        }
    }

    /** The paper's figure 1, on a kernel whose stack holds no pointer to the task. */
    @Test
    @Order(3)
    void goesFromTheStackToTheTaskAndBack() throws IOException {
        TaskList before = guest.lister().list();
        for (int vcpu = 0; vcpu < spec().vcpus(); vcpu++) {
            HptShell.Answer answer = hpt.ask("locate " + spec().uri() + " --vcpu " + vcpu + " --json");
            List<JsonNode> steps = answer.rows();
            Map<Integer, GuestTask> known = guest.lister().list().byTidSince(before);
            assertThat(steps).extracting(step -> step.get("step").asText()).as(answer.toString())
                    .startsWith("rsp", "current", "task_struct", "stack");
            assertThat(steps).as(answer.toString()).allSatisfy(step -> {
                assertThat(step.get("agrees").booleanValue()).isTrue();
                assertThat(step.get("registers").booleanValue()).isTrue();
                String what = step.get("step").asText();
                boolean user = what.equals("rsp") && step.get("mode").asText().equals("user");
                // The top is the address after the stack, which nothing need be mapped at.
                if (!user && !what.equals("stack top")) {
                    // A page is mapped as a whole.
                    assertThat(KnownAnswers.address(step, "gva") & 0xfff)
                            .isEqualTo(KnownAnswers.address(step, "gpa") & 0xfff)
                            .isEqualTo(KnownAnswers.address(step, "machine") & 0xfff);
                    assertThat(KnownAnswers.address(step, "gpa")).isBetween(0x1000L, (long) XenSpec.MEMORY_MIB << 20);
                    assertThat(KnownAnswers.address(step, "machine")).isNotZero();
                }
            });
            KnownAnswers.checkRunning(steps.get(0), vcpu, known);
        }
    }

    /** Lists the guest this many times in one session, while processes begin and end in it. */
    final void listsATaskListThatChanges(int times) throws IOException {
        guest.lister().churn();
        TaskList before = guest.lister().list();
        List<HptShell.Held> held = new ArrayList<>();
        // While it goes on. What the JVM compiles, loads and maps once for all, it has after 50.
        Deque<Integer> looks = new ArrayDeque<>(List.of(50, times - 10));
        long began = System.nanoTime();
        HptShell.Answer answer = hpt.ask("ps " + spec().uri() + " --interval 0 --count " + times
                + " --ndjson -o pid,tgid,ppid,state,uid,name,start", line -> {
                    if (!looks.isEmpty() && line.startsWith("{\"listing\":" + looks.element() + ",")) {
                        looks.remove();
                        held.add(hpt.held());
                    }
                });
        double seconds = (System.nanoTime() - began) / 1e9;
        TaskList after = guest.lister().list();
        System.out.printf("%s: %d listings in %.0f s; held meanwhile: %s%n", spec(), times, seconds, held);

        Map<Integer, List<JsonNode>> listings = answer.objects().stream().collect(
                Collectors.groupingBy(row -> row.get("listing").intValue(), TreeMap::new, Collectors.toList()));
        assertThat(listings.keySet()).as("listings")
                .containsExactlyElementsOf(IntStream.rangeClosed(1, times).boxed().toList());
        Set<Integer> begun = new TreeSet<>();
        listings.forEach((number, rows) -> {
            try {
                new Agreement(before, after, false).check(rows,
                        name -> name.startsWith("brief") || name.startsWith("kworker/") || name.equals("churn"));
            } catch (AssertionError e) {
                throw new AssertionError("listing " + number + " of " + times, e);
            }
            rows.stream().filter(row -> row.get("name").asText().startsWith("brief"))
                    .forEach(row -> begun.add(row.get("pid").intValue()));
        });
        // Else the list did not change, and this was no test.
        assertThat(begun).as("brief processes that were seen").hasSizeGreaterThan(times / 20);
        assertThat(held).as("what was held").hasSize(2);
        HptShell.Held first = held.get(0);
        HptShell.Held last = held.get(1);
        assertThat(first.foreign()).as("mappings of the guest").isPositive();
        assertThat(last.files()).as("open files, at first %s, at last %s", first, last)
                .isLessThanOrEqualTo(first.files() + 5);
        assertThat(last.foreign()).as("mappings of the guest, at first %s, at last %s", first, last)
                .isLessThanOrEqualTo(first.foreign() * 2 + 100);
        assertThat(last.maps() - last.foreign()).as("other mappings, at first %s, at last %s", first, last)
                .isLessThanOrEqualTo(first.maps() - first.foreign() + 60);
        assertThat(last.resident()).as("KiB resident, at first %s, at last %s", first, last)
                .isLessThanOrEqualTo(first.resident() + 48 * 1024);
    }
}
