// SPDX-License-Identifier: Apache-2.0
/**
 * Translation of GVAs to GPAs by the guest's own page tables.
 */
@Version("1.0.0")
package org.xenhpt.api.translation;

import org.osgi.annotation.versioning.Version;
