// SPDX-License-Identifier: Apache-2.0
/** Compares what the built {@code hpt} says in dom0 of a real Xen with what that Xen's guests say of themselves. */
package org.xenhpt.itests.xen;
