// SPDX-License-Identifier: Apache-2.0
/**
 * Benchmarks. They use the bundles' classes on a flat class path, as nothing else does: what is measured is reading, not
 * the platform.
 */
package org.xenhpt.benchmarks;
