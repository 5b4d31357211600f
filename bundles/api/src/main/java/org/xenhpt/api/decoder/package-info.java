// SPDX-License-Identifier: Apache-2.0
/**
 * Decoders: code for one generation of kernels.
 * 
 * Implemented by decoder bundles, also those of vendors.
 */
@Version("1.1.0")
package org.xenhpt.api.decoder;

import org.osgi.annotation.versioning.Version;
