// SPDX-License-Identifier: Apache-2.0
/**
 * Tools to write a decoder with: structure members, lists, per-CPU variables.
 */
@Version("1.1.0")
package org.xenhpt.kit;

import org.osgi.annotation.versioning.Version;
