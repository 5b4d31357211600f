// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.api.profile;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.osgi.annotation.versioning.ProviderType;

/** The folders of YAML profiles. An OSGi service. */
@ProviderType
public interface ProfileStore {
    /** One file of the folder: its profile, or what is wrong with it. */
    record Entry(Path file, Optional<Profile> profile, List<ProfileProblem> problems) {
        public Entry {
            problems = List.copyOf(problems);
        }
    }

    /** The folder in use; of several the first, which is the one that new profiles are written to. */
    Path folder();

    /** The folders in use: a profile in an earlier one goes before one for the same kernel in a later one. */
    default List<Path> folders() {
        return List.of(folder());
    }

    /** Uses another folder from now on. */
    void use(Path folder);

    /** Uses other folders from now on. There is at least one. */
    default void use(List<Path> folders) {
        use(folders.get(0));
    }

    /**
     * Watches the folders from now on, for a platform that stays up: what {@link ProfileSource#find} gives follows the files
     * within a second. A file is read when it no longer changes; one that is broken is refused, and what it said before
     * stays in force.
     */
    default void watch() {
    }

    /** A number that is another one after the profiles in force changed. */
    default long version() {
        return 0;
    }

    /** All files of the folders, folder after folder by name, also the broken ones. */
    List<Entry> list();

    /** Reads one file. It never throws for what the file says: a broken one is an entry with problems. */
    Entry read(Path file);

    /**
     * Writes a profile as YAML, whole or not at all.
     *
     * @throws org.xenhpt.api.error.HptException {@code FILE} when it cannot be written
     */
    void write(Profile profile, Path file);
}
