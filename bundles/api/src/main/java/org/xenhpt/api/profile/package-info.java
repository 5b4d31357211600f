// SPDX-License-Identifier: Apache-2.0
/**
 * Profiles: what is known of one kernel build. Data, never code.
 */
@Version("1.3.0")
package org.xenhpt.api.profile;

import org.osgi.annotation.versioning.Version;
