// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit.sched;

import java.util.Optional;
import java.util.function.LongPredicate;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.kit.Field;
import org.xenhpt.kit.Layouts;
import org.xenhpt.kit.ListHead;

/** How a kernel keeps the threads of a process. */
interface Threads {
    /**
     * Visits the threads of a process, its first one among them.
     *
     * @param leader GVA of the process's first task
     * @param signal GVA of its {@code signal_struct}
     * @param most   how many at the most
     * @param visit  takes the GVA of a task and says whether to go on
     */
    ListHead.End walk(long leader, long signal, long most, LongPredicate visit);

    /**
     * A list with its head in {@code signal_struct} since 3.14 (commit 0c740d0afc3b); before, a circle of the tasks
     * themselves, which went away in 6.7 (commit 8e1f385104ac).
     */
    static Threads of(Layouts layouts, AddressSpace space) {
        Optional<Field> head = layouts.find("signal_struct", "thread_head");
        Optional<Field> node = layouts.find("task_struct", "thread_node");
        if (head.isPresent() && node.isPresent()) {
            int member = node.get().offset();
            return (leader, signal, most, visit) -> ListHead.walk(space, head.get().address(signal),
                    ListHead.Direction.FORWARD, most, entry -> visit.test(gva(space, entry - member)));
        }
        int member = layouts.get("task_struct", "thread_group").offset();
        return (leader, signal, most, visit) -> visit.test(leader) ? ListHead.walk(space, leader + member,
                ListHead.Direction.FORWARD, most, entry -> visit.test(gva(space, entry - member)))
                : ListHead.End.STOPPED;
    }

    private static long gva(AddressSpace space, long address) {
        return space.pointerSize() == 4 ? address & 0xffffffffL : address;
    }
}
