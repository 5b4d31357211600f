// SPDX-License-Identifier: Apache-2.0
/** Compares what the built {@code hpt} says of real guests with what the guests say of themselves. */
package org.xenhpt.itests;
