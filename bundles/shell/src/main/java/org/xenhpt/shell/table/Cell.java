// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.shell.table;

import java.math.BigDecimal;
import org.xenhpt.api.process.Task;

/** A typed value of a table, not yet turned into text. */
public sealed interface Cell {
    Cell UNKNOWN = new Unknown();

    /** The closed set of cells, to switch over. */
    enum Kind { UNKNOWN, TEXT, WHOLE, SECONDS, ADDRESS, FLAG, SHARE }

    Kind kind();

    /** The value as people read it, not yet made safe for a terminal. */
    String plain();

    /** What could not be read, or was not told: {@code null} in JSON, empty in CSV, {@code ?} in text. */
    record Unknown() implements Cell {
        @Override
        public Kind kind() {
            return Kind.UNKNOWN;
        }

        @Override
        public String plain() {
            return "?";
        }
    }

    /** A guest's or our own words. */
    record Text(String value) implements Cell {
        @Override
        public Kind kind() {
            return Kind.TEXT;
        }

        @Override
        public String plain() {
            return value;
        }
    }

    /** A whole number. */
    record Whole(long value) implements Cell {
        @Override
        public Kind kind() {
            return Kind.WHOLE;
        }

        @Override
        public String plain() {
            return Long.toString(value);
        }
    }

    /** A stretch of time in nanoseconds; shown as seconds. */
    record Seconds(long nanos) implements Cell {
        @Override
        public Kind kind() {
            return Kind.SECONDS;
        }

        @Override
        public String plain() {
            return BigDecimal.valueOf(nanos, 9).stripTrailingZeros().toPlainString();
        }
    }

    /** A GVA, GPA or machine address, unsigned; hexadecimal with 0x everywhere, as JSON's numbers lose bits. */
    record Address(long value) implements Cell {
        @Override
        public Kind kind() {
            return Kind.ADDRESS;
        }

        @Override
        public String plain() {
            return "0x" + Long.toHexString(value);
        }
    }

    /** A share of 1, such as how sure something is. */
    record Share(double value) implements Cell {
        @Override
        public Kind kind() {
            return Kind.SHARE;
        }

        @Override
        public String plain() {
            return BigDecimal.valueOf(value).stripTrailingZeros().toPlainString();
        }
    }

    /** Yes or no. */
    record Flag(boolean value) implements Cell {
        @Override
        public Kind kind() {
            return Kind.FLAG;
        }

        @Override
        public String plain() {
            return value ? "yes" : "no";
        }
    }

    /** Unknown when empty. */
    static Cell text(String value) {
        return value.isEmpty() ? UNKNOWN : new Text(value);
    }

    /** A whole number, or unknown where it is {@link Task#UNKNOWN}. */
    static Cell whole(long value) {
        return value == Task.UNKNOWN ? UNKNOWN : new Whole(value);
    }

    /** Nanoseconds, or unknown where they are {@link Task#UNKNOWN}. */
    static Cell seconds(long nanos) {
        return nanos == Task.UNKNOWN ? UNKNOWN : new Seconds(nanos);
    }
}
