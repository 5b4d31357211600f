// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.profile.ProfileStore.Entry;

/**
 * Keeps the profiles in force in step with the files, by looking at them again and again: notifications of the file system
 * are lost on network file systems, and say nothing of a file behind a link.
 *
 * <p>A file is taken when it looked the same in two rounds. That leaves out what is still being written, and editors that
 * remove a file and write it anew.
 */
final class FolderWatch implements AutoCloseable {
    /** Two rounds and the reading are well within a second. */
    static final long ROUND_MILLIS = 300;

    private static final Logger LOG = LoggerFactory.getLogger(FolderWatch.class);

    /** @param stamp empty when the file went */
    private record Known(Optional<Stamp> stamp, Optional<Entry> inForce) {
    }

    private static final Known NEVER_SEEN = new Known(Optional.empty(), Optional.empty());

    private final Supplier<List<Path>> files;
    private final Function<Path, Entry> reader;
    private final Map<Path, Known> known = new HashMap<>();
    private final Map<Path, Optional<Stamp>> changing = new HashMap<>();
    private final Thread thread = new Thread(this::watch, "hpt-profiles");
    private long version;
    private boolean looked;

    /**
     * @param files  lists the files of the moment
     * @param reader reads one
     */
    FolderWatch(Supplier<List<Path>> files, Function<Path, Entry> reader) {
        this.files = files;
        this.reader = reader;
        thread.setDaemon(true);
    }

    void start() {
        thread.start();
    }

    private void watch() {
        try {
            while (true) {
                round();
                Thread.sleep(ROUND_MILLIS);
            }
        } catch (InterruptedException e) {
            // Closed.
        }
    }

    /** The files with a profile in force, in the order of their names. */
    synchronized List<Path> files() {
        if (!looked) {
            round();
        }
        return known.entrySet().stream().filter(each -> each.getValue().inForce().isPresent()).map(Map.Entry::getKey)
                .sorted().toList();
    }

    /** What the file said when it was last whole and right; empty when it never was, or went. */
    synchronized Optional<Entry> inForce(Path file) {
        return known.getOrDefault(file, NEVER_SEEN).inForce();
    }

    /** Grows with each change of what is in force. */
    synchronized long version() {
        if (!looked) {
            round();
        }
        return version;
    }

    /** The file was written by this process, and is whole. */
    synchronized void written(Path file) {
        if (looked && files.get().contains(file)) {
            Optional<Stamp> now = Stamp.of(file);
            changing.remove(file);
            now.ifPresent(stamp -> read(file, stamp));
        }
    }

    /** Looks once. */
    synchronized void round() {
        List<Path> present = files.get();
        List<Path> all = new ArrayList<>(present);
        known.keySet().stream().filter(file -> !present.contains(file)).forEach(all::add);
        for (Path file : all) {
            Optional<Stamp> now = present.contains(file) ? Stamp.of(file) : Optional.empty();
            if (now.equals(known.getOrDefault(file, NEVER_SEEN).stamp())) {
                changing.remove(file);
            } else if (isSettled(file, now)) {
                changing.remove(file);
                if (now.isPresent()) {
                    read(file, now.get());
                } else {
                    gone(file);
                }
            } else {
                changing.put(file, now);
            }
        }
        looked = true;
    }

    private boolean isSettled(Path file, Optional<Stamp> now) {
        // In the first round nothing changed yet, unless it was written to just now.
        return now.equals(changing.get(file)) || !looked && now.isPresent()
                && now.get().isOlderThan(Duration.ofMillis(ROUND_MILLIS));
    }

    private void read(Path file, Stamp stamp) {
        Entry entry = reader.apply(file);
        if (!Stamp.of(file).equals(Optional.of(stamp))) {
            changing.put(file, Optional.of(stamp));
            return;
        }
        Optional<Entry> before = known.getOrDefault(file, NEVER_SEEN).inForce();
        if (entry.profile().isPresent()) {
            if (!before.flatMap(Entry::profile).equals(entry.profile())) {
                version++;
                if (looked) {
                    LOG.info("Profile {} is {}", file, before.isPresent() ? "used as it is now" : "new and is used");
                }
            }
            known.put(file, new Known(Optional.of(stamp), Optional.of(entry)));
        } else {
            LOG.warn("Profile {}: refused{}; {}", entry.problems().isEmpty() ? file : entry.problems().get(0),
                    entry.problems().size() > 1 ? " (and more: hpt profile check " + file + ")" : "",
                    before.isPresent() ? "what it said before stays in force" : "it is not used");
            known.put(file, new Known(Optional.of(stamp), before));
        }
    }

    private void gone(Path file) {
        Known before = known.remove(file);
        if (before != null && before.inForce().isPresent()) {
            version++;
            LOG.info("Profile {} went and is no longer used", file);
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
