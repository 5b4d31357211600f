// SPDX-License-Identifier: Apache-2.0
/**
 * What a reading gives: tasks, process tables, and what could not be read.
 */
@Version("1.0.0")
package org.xenhpt.api.process;

import org.osgi.annotation.versioning.Version;
