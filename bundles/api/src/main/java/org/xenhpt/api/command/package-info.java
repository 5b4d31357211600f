// SPDX-License-Identifier: Apache-2.0
/**
 * Commands of hpt.
 */
@Version("1.1.0")
package org.xenhpt.api.command;

import org.osgi.annotation.versioning.Version;
