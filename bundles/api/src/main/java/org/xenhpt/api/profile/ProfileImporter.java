// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

import java.nio.file.Path;
import java.util.List;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Makes (part of) a profile from a file that others made: BTF, System.map, Volatility's symbols. An OSGi service. What
 * several files give (layouts from one, symbols from another) is put together by the caller.
 */
@ConsumerType
public interface ProfileImporter {
    /** The format's short name, as {@link Origin#source()} records it: {@code btf}, {@code system-map}, {@code isf}. */
    String format();

    /** Whether the file looks like this format, told from its first bytes and, where there are none to tell, its name. */
    boolean accepts(Path file);

    /**
     * @param needs what is wanted of it
     * @return a profile with what the file tells; its {@link Profile#kernel()} may have empty parts
     * @throws org.xenhpt.api.error.HptException {@code FILE}: with the file and, in a text, the line
     */
    Profile read(Path file, Needs needs);

    /** The endings that such files usually have, for completion and help: {@code .json}. */
    default List<String> endings() {
        return List.of();
    }
}
