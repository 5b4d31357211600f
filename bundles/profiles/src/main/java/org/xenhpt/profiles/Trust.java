// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.UserPrincipal;
import java.util.EnumSet;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether a folder or file of profiles is believed. Where others than its owner may write, anybody could make root read a
 * guest by a layout of his own.
 */
enum Trust {
    /** What only its owner, and root, may write to. */
    OWNER,
    /** Anything. */
    ANY;

    /** A property of the framework or of the system. */
    static final String PROPERTY = "hpt.trust";
    private static final Logger LOG = LoggerFactory.getLogger(Trust.class);
    private static final Set<PosixFilePermission> OTHERS = EnumSet.of(PosixFilePermission.GROUP_WRITE,
            PosixFilePermission.OTHERS_WRITE);

    /** Whether nobody but the user can have written it: the rule for what only {@code hpt} itself writes. */
    static boolean isOurs(Path path) {
        try {
            PosixFileAttributes attributes = Files.readAttributes(path, PosixFileAttributes.class,
                    LinkOption.NOFOLLOW_LINKS);
            boolean ours = !attributes.isSymbolicLink()
                    && isUser(attributes.owner(), path)
                    && writers(attributes.permissions()).isEmpty();
            if (!ours) {
                LOG.warn("{} is not used: it is another user's, or others can write to it", path);
            }
            return ours;
        } catch (IOException | UnsupportedOperationException e) {
            LOG.debug("{} cannot be looked at", path, e);
            return false;
        }
    }

    /** By number, too: who is not in the list of users, as in many a container, has no name that the JDK tells. */
    private static boolean isUser(UserPrincipal owner, Path path) throws IOException {
        return owner.getName().equals(System.getProperty("user.name"))
                || Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS)
                        .equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
    }

    /** Who else may write, by the permissions. */
    private static Set<PosixFilePermission> writers(Set<PosixFilePermission> permissions) {
        Set<PosixFilePermission> others = EnumSet.copyOf(OTHERS);
        others.retainAll(permissions);
        return others;
    }

    /** All that does not say any is the safe choice. */
    static Trust of(String setting) {
        return "any".equals(setting) ? ANY : OWNER;
    }

    /** Why the path is not believed; empty when it is, or when it is not there. */
    Optional<String> refusal(Path path) {
        if (this == ANY) {
            return Optional.empty();
        }
        try {
            Set<PosixFilePermission> others = writers(Files.getPosixFilePermissions(path));
            return others.isEmpty() ? Optional.empty() : Optional.of("others than its owner may write to it: chmod "
                    + (others.size() == OTHERS.size() ? "go-w" : others.contains(PosixFilePermission.GROUP_WRITE) ? "g-w"
                            : "o-w") + " " + path + ", or set " + PROPERTY + "=any");
        } catch (IOException | UnsupportedOperationException e) {
            // Whoever reads it will say that it cannot be read; a file system without such permissions has none to check.
            return Optional.empty();
        }
    }
}
