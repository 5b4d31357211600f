// SPDX-License-Identifier: Apache-2.0
/**
 * Tasks, as Linux keeps them: the parts that decoders of several generations have in common. A class is named after what
 * it reads, and says which kernel changes it copes with.
 */
@Version("1.0.0")
package org.xenhpt.kit.sched;

import org.osgi.annotation.versioning.Version;
