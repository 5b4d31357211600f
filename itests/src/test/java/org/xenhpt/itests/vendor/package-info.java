// SPDX-License-Identifier: Apache-2.0
/** Builds outside of this one, as vendors have them. */
package org.xenhpt.itests.vendor;
