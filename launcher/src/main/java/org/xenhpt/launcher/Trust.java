// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Whose bundles are run. A bundle is code that gets all rights of who runs hpt, which in Domain 0 is root. */
enum Trust {
    /** Those in folders and files to which only root and who runs hpt may write. */
    OWNER,
    /** Of those, the ones that are signed by whom the key store holds a certificate of: see {@link TrustedSigners}. */
    SIGNED,
    /** All. */
    ANY;

    static final String PROPERTY = "hpt.trust";
    private static final long ROOT = 0;

    static Trust read(Optional<String> setting) throws StartException {
        return switch (setting.orElse("owner").strip()) {
            case "owner" -> OWNER;
            case "signed" -> SIGNED;
            case "any" -> ANY;
            default -> throw new StartException(PROPERTY + "=" + setting.get() + ": write owner, signed or any");
        };
    }

    /** Why the file is not to be run: something about it, or about the folder that it is in; empty when nothing is. */
    Optional<String> refusalOfFile(Path file) {
        return refusal(file.getParent()).or(() -> refusal(file));
    }

    /** Why nothing of this folder or file is to be run; empty when it may be, or when it is not there. */
    Optional<String> refusal(Path path) {
        if (this == ANY) {
            return Optional.empty();
        }
        try {
            PosixFileAttributes attributes = Files.readAttributes(path, PosixFileAttributes.class);
            Set<PosixFilePermission> all = attributes.permissions();
            List<String> others = Arrays.asList(all.contains(PosixFilePermission.GROUP_WRITE) ? "g" : "",
                    all.contains(PosixFilePermission.OTHERS_WRITE) ? "o" : "");
            if (!String.join("", others).isEmpty()) {
                return Optional.of("others than its owner may write to " + path + ": chmod " + String.join("", others)
                        + "-w " + path + ", or set " + PROPERTY + "=any");
            }
            long owner = ((Number) Files.getAttribute(path, "unix:uid")).longValue();
            if (owner != ROOT && owner != user()) {
                return Optional.of(path + " belongs to " + attributes.owner().getName() + ", neither to root nor to who runs"
                        + " hpt: chown it, or set " + PROPERTY + "=any");
            }
            return Optional.empty();
        } catch (NoSuchFileException e) {
            return Optional.empty();
        } catch (UnsupportedOperationException e) {
            // A file system without owners.
            return Optional.empty();
        } catch (IOException e) {
            return Optional.of("who may write to " + path + " cannot be told: " + e.getMessage());
        }
    }

    /** Who runs this process: the JDK tells the name only, which need not be in the list of users. */
    private static long user() throws IOException {
        return ((Number) Files.getAttribute(Path.of("/proc/self"), "unix:uid")).longValue();
    }
}
