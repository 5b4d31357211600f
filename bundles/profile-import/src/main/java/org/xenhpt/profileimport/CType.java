// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profileimport;

/** A C type as far as a profile tells it. */
sealed interface CType {
    /** Stands for the name that a structure, union or enumeration does not have. */
    String NO_NAME = "{...}";

    /** In bytes; 0 of flexible arrays, of void and of functions. */
    long size();

    /** As C writes it in front of and behind a name; here, of nothing. */
    default String text() {
        return declare("");
    }

    /** @param declarator what stands where the name would: {@code *}, {@code [16]}, {@code (*)()} */
    String declare(String declarator);

    /**
     * A type with a name, and a structure without one.
     *
     * @param text   such as {@code int}, {@code struct list_head}, {@code spinlock_t}; of one without a name, such as
     *               {@code union {...}}
     * @param struct by what its layout is found when it is a structure or union; else empty
     * @param named  false for a structure without a tag and without a typedef
     */
    record Named(String text, long size, String struct, boolean named) implements CType {
        @Override
        public String declare(String declarator) {
            return declarator.isEmpty() || declarator.startsWith("[") ? text + declarator : text + " " + declarator;
        }
    }

    record Pointer(CType target, long size) implements CType {
        @Override
        public String declare(String declarator) {
            boolean binds = target instanceof Array || target instanceof Function;
            return target.declare(binds ? "(*" + declarator + ")" : "*" + declarator);
        }
    }

    /** @param count of elements; 0 of a flexible array */
    record Array(CType element, long count, long size) implements CType {
        @Override
        public String declare(String declarator) {
            return element.declare(declarator + "[" + (count == 0 ? "" : count) + "]");
        }
    }

    record Function(CType result) implements CType {
        @Override
        public long size() {
            return 0;
        }

        @Override
        public String declare(String declarator) {
            return result.declare(declarator + "()");
        }
    }

    /**
     * Bits cut from an integer.
     *
     * @param position of the lowest bit, counted from the member's offset
     */
    record Bits(CType integer, long width, long position) implements CType {
        /** The bytes it touches. */
        @Override
        public long size() {
            return (position % 8 + width + 7) / 8;
        }

        @Override
        public String declare(String declarator) {
            return integer.declare(declarator) + " : " + width + " @ " + position % 8;
        }
    }
}
