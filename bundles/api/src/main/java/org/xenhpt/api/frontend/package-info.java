// SPDX-License-Identifier: Apache-2.0
/**
 * The front end: attaches to guests and answers.
 * 
 * Used by commands and other bundles that show something.
 */
@Version("1.1.0")
package org.xenhpt.api.frontend;

import org.osgi.annotation.versioning.Version;
