// SPDX-License-Identifier: Apache-2.0
/**
 * A fake guest with real page tables, built in a few lines, for the tests of bundles.
 */
@Version("1.1.0")
package org.xenhpt.testkit;

import org.osgi.annotation.versioning.Version;
