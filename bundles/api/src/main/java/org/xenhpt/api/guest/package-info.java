// SPDX-License-Identifier: Apache-2.0
/**
 * Guests, their physical memory and their registers: what a backend provides.
 * 
 * Implemented by backends; used by everything after them.
 */
@Version("1.1.0")
package org.xenhpt.api.guest;

import org.osgi.annotation.versioning.Version;
