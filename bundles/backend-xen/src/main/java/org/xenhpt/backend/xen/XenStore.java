// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.xen;

import java.util.List;
import java.util.Optional;

/** The part of xenstore that is needed: what a toolstack wrote about its domains. */
interface XenStore extends AutoCloseable {
    /** The names under a path; empty when there is no such path. */
    List<String> directory(String path);

    /** What a path holds; empty when there is no such path. */
    Optional<String> read(String path);

    /** Whether the daemon knows the domain; it forgets a domain when Xen says that it dies. */
    boolean introduced(int domid);

    @Override
    void close();
}
