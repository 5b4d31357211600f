// SPDX-License-Identifier: Apache-2.0
/**
 * The symbol table that a kernel carries in its image (scripts/kallsyms.c, kernel/kallsyms.c).
 *
 * <p>Where: at the symbols that VMCOREINFO lists since 6.0; else around the table of tokens. That one is found by the
 * ten digits, each a token of its own, in a row ({@code 0\0 1\0 … 9\0}); it is the right one when the index that it
 * must have follows it. Before it lie the markers (offsets of every 256th name, ascending from 0; {@code unsigned long}
 * before 4.20, 80ffbaa5b1bd; with {@code seqs_of_names} between in 6.2 and 6.3), before these the names, before these
 * their number. In 7.2 the number stands 4 bytes before the names, in others 8.
 *
 * <p>How addresses are written ({@link org.xenhpt.identify.kallsyms.AddressTable}): as pointers; relative to a base,
 * with per-CPU symbols absolute (x86-64, 4.6 to 6.14) or without; relative to the entry's own place since 7.0
 * (a081b5789255d). Which it is decides by known symbols landing where they are, and by the addresses ascending, as
 * distributions back-port.
 *
 * <p>Without CONFIG_KALLSYMS_ALL (Debian's i386 kernels) only functions are listed, no {@code init_task}.
 */
package org.xenhpt.identify.kallsyms;
