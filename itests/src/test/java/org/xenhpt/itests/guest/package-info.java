// SPDX-License-Identifier: Apache-2.0
/** Real guests under QEMU in software emulation, and what they say of their own tasks. */
package org.xenhpt.itests.guest;
