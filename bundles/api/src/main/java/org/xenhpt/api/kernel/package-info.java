// SPDX-License-Identifier: Apache-2.0
/**
 * Which kernel a guest runs, and where it lies in memory.
 */
@Version("1.2.0")
package org.xenhpt.api.kernel;

import org.osgi.annotation.versioning.Version;
