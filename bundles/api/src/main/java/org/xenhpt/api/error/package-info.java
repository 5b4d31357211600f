// SPDX-License-Identifier: Apache-2.0
/**
 * The one exception of the platform, and the reasons it gives.
 */
@Version("1.1.0")
package org.xenhpt.api.error;

import org.osgi.annotation.versioning.Version;
