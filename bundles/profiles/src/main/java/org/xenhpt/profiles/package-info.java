// SPDX-License-Identifier: Apache-2.0
/**
 * The folder of YAML profiles.
 */
package org.xenhpt.profiles;
