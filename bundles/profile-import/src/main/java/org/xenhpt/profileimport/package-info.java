// SPDX-License-Identifier: Apache-2.0
/**
 * Profiles from files that others made, a class a format.
 */
package org.xenhpt.profileimport;
