// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.kit;

import java.util.function.LongPredicate;
import org.xenhpt.api.error.MemoryFault;
import org.xenhpt.api.translation.AddressSpace;

/**
 * The kernel's circular lists ({@code struct list_head}), walked while they change and even if they lie.
 *
 * <p>A node is believed only if its {@code prev} leads back to where its address came from. That finds a node removed or
 * reused meanwhile (list_del_rcu poisons {@code prev}), and it bounds the walk: a list that passes it cannot come by a node
 * twice without passing its head, since a node has but one {@code prev}.
 */
public final class ListHead {
    /** How a walk ended. */
    public enum End {
        /** At the head again: the list is whole. */
        CLOSED,
        /** The visitor had enough. */
        STOPPED,
        /** A node does not lead back. */
        BROKEN,
        /** A node cannot be read. */
        UNREADABLE,
        /** More nodes than the limit. */
        TOO_LONG
    }

    /** Which way to walk. */
    public enum Direction { FORWARD, BACKWARD }

    private ListHead() {
    }

    /**
     * Walks from the node after {@code head}.
     *
     * @param head  GVA of the head, which is not visited
     * @param limit how many nodes at the most
     * @param visit takes the GVA of a node and says whether to go on
     */
    public static End walk(AddressSpace space, long head, Direction direction, long limit, LongPredicate visit) {
        int pointer = space.pointerSize();
        int onward = direction == Direction.FORWARD ? 0 : pointer;
        int back = pointer - onward;
        try {
            long from = head;
            long node = space.readPointer(head + onward);
            for (long count = 0; node != head; count++) {
                if (count == limit) {
                    return End.TOO_LONG;
                }
                if ((node & pointer - 1) != 0 || space.readPointer(node + back) != from) {
                    return End.BROKEN;
                }
                if (!visit.test(node)) {
                    return End.STOPPED;
                }
                from = node;
                node = space.readPointer(node + onward);
            }
            return space.readPointer(head + back) == from ? End.CLOSED : End.BROKEN;
        } catch (MemoryFault fault) {
            return End.UNREADABLE;
        }
    }
}
