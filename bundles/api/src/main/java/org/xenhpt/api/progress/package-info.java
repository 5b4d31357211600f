// SPDX-License-Identifier: Apache-2.0
/**
 * Telling people what a slow step is doing.
 */
@Version("1.0.0")
package org.xenhpt.api.progress;

import org.osgi.annotation.versioning.Version;
