// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.profiles;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileProblem;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.profile.ProfileStore;
import org.xenhpt.api.profile.StructLayout;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;

/**
 * Folders of YAML files, each the profile of one kernel build. Nothing is read before somebody asks, and to find the
 * profile of one kernel only the first bytes of the other kernels' files are read. What was read is kept as long as the
 * file stays as it is.
 */
@Component(service = {ProfileStore.class, ProfileSource.class}, property = "service.ranking:Integer=100")
public final class FolderProfiles implements ProfileStore, ProfileSource {
    /** Names the folders, with the system's separator of paths between them: a property of the framework or of the system. */
    public static final String FOLDER_PROPERTY = "hpt.profiles";
    private static final String DEFAULT_FOLDER = "kernel-profiles-yaml";
    private static final List<String> ENDINGS = List.of(".yaml", ".yml");
    /** Holds the kernel section of every file that is not mostly comments. */
    private static final int HEAD = 8192;

    private static final Logger LOG = LoggerFactory.getLogger(FolderProfiles.class);

    private record Cached(Stamp stamp, Entry entry) {
    }

    private final Map<Path, Cached> cache = new ConcurrentHashMap<>();
    private final Trust trust;
    private final Set<String> refusals = ConcurrentHashMap.newKeySet();
    private volatile List<Path> folders;
    private volatile Optional<FolderWatch> watch = Optional.empty();
    private volatile long base;

    @Activate
    public FolderProfiles(BundleContext context) {
        this(Trust.of(context.getProperty(Trust.PROPERTY)), folders(context.getProperty(FOLDER_PROPERTY)));
    }

    /** Outside of OSGi. */
    public FolderProfiles(Path... folders) {
        this(Trust.OWNER, folders);
    }

    private FolderProfiles(Trust trust, Path... folders) {
        this.trust = trust;
        this.folders = List.of(folders);
    }

    /** Outside of OSGi, for folders that the caller answers for, whoever may write to them. */
    public static FolderProfiles trusting(Path... folders) {
        return new FolderProfiles(Trust.ANY, folders);
    }

    private static Path[] folders(String configured) {
        Path[] named = Stream.of(configured == null ? new String[0] : configured.split(File.pathSeparator))
                .filter(name -> !name.isBlank()).map(name -> Path.of(name.strip())).toArray(Path[]::new);
        return named.length == 0 ? new Path[] {Path.of(DEFAULT_FOLDER)} : named;
    }

    @Override
    public String name() {
        return "profiles folder";
    }

    @Override
    public Path folder() {
        return folders.get(0);
    }

    @Override
    public List<Path> folders() {
        return folders;
    }

    @Override
    public void use(Path newFolder) {
        use(List.of(newFolder));
    }

    @Override
    public synchronized void use(List<Path> newFolders) {
        folders = List.copyOf(newFolders);
        cache.clear();
        if (watch.isPresent()) {
            watch();
        } else {
            base++;
        }
    }

    @Override
    public synchronized void watch() {
        stop();
        List<Path> watched = folders;
        FolderWatch started = new FolderWatch(() -> watched.stream().flatMap(each -> listed(each).stream()).toList(),
                this::parse);
        started.start();
        watch = Optional.of(started);
    }

    @Deactivate
    synchronized void stop() {
        watch.ifPresent(stopped -> {
            // Numbers given before are not given again by the next watch.
            base += stopped.version() + 1;
            stopped.close();
        });
        watch = Optional.empty();
    }

    @Override
    public long version() {
        return base + watch.map(FolderWatch::version).orElse(0L);
    }

    @Override
    public List<Entry> list() {
        List<Path> files = new ArrayList<>();
        for (Path folder : folders) {
            Optional<String> refusal = trust.refusal(folder);
            if (refusal.isPresent()) {
                throw new HptException(Step.PROFILE, Reason.FILE, folder.toString(), "the profiles folder is refused")
                        .tried(refusal.get()).next("see to it that only its owner may write to it");
            }
            try {
                files.addAll(files(folder));
            } catch (IOException e) {
                throw fileError(folder, e, "the profiles folder cannot be read");
            }
        }
        cache.keySet().retainAll(new HashSet<>(files));
        return files.stream().map(this::read).toList();
    }

    @Override
    public Entry read(Path file) {
        Optional<Stamp> before = Stamp.of(file);
        Cached cached = cache.get(file);
        if (cached != null && before.isPresent() && cached.stamp.equals(before.get())) {
            return cached.entry;
        }
        Entry entry = parse(file);
        // A file that was written to meanwhile may have been read half new, half old; one that was written to just
        // before may be written to again without its time showing it, since file systems keep time in ticks.
        if (before.isPresent() && before.equals(Stamp.of(file)) && before.get().isOlderThan(Duration.ofMillis(100))) {
            cache.put(file, new Cached(before.get(), entry));
        } else {
            cache.remove(file);
        }
        return entry;
    }

    private Entry parse(Path file) {
        Problems problems = new Problems(file.toString());
        Optional<String> refusal = trust.refusal(file);
        if (refusal.isPresent()) {
            problems.add(refusal.get());
            return new Entry(file, Optional.empty(), problems.list());
        }
        Optional<Profile> profile = TextFile.read(file, problems)
                .flatMap(text -> ProfileReader.read(profileName(file), text, problems));
        return new Entry(file, profile, problems.list());
    }

    @Override
    public Optional<Profile> find(Guest guest, KernelIdentity kernel, AddressSpace space, Needs needs,
            Progress progress) {
        for (Path folder : folders) {
            Optional<Profile> found = find(folder, kernel, space);
            if (found.isPresent()) {
                return found;
            }
        }
        return Optional.empty();
    }

    /** The folder's files; none, and a word of why, when it is refused or cannot be read. */
    private List<Path> listed(Path folder) {
        Optional<String> refusal = trust.refusal(folder);
        if (refusal.isPresent()) {
            // Once is enough for a folder that is looked at again and again.
            if (refusals.add(folder + refusal.get())) {
                LOG.warn("The profiles folder {} is refused: {}", folder, refusal.get());
            }
            return List.of();
        }
        try {
            List<Path> files = files(folder);
            refusals.removeIf(refused -> refused.startsWith(folder.toString()));
            return files;
        } catch (IOException e) {
            if (refusals.add(folder + why(e))) {
                LOG.warn("The profiles folder {} cannot be read: {}", folder, why(e));
            }
            return List.of();
        }
    }

    private Optional<Profile> find(Path folder, KernelIdentity kernel, AddressSpace space) {
        Optional<FolderWatch> watched = watch;
        List<Path> files = watched.map(FolderWatch::files).orElseGet(() -> listed(folder));
        Profile best = null;
        Map<Path, String> unknown = new LinkedHashMap<>();
        for (Path file : files) {
            if (!folder.equals(file.getParent()) || watched.isEmpty() && !mayBeFor(kernel.release(), file)) {
                continue;
            }
            Entry entry = watched.flatMap(each -> each.inForce(file)).orElseGet(() -> read(file));
            if (entry.profile().filter(profile -> !profile.kernel().release().equals(kernel.release())).isPresent()) {
                continue;
            }
            if (entry.profile().isEmpty()) {
                LOG.warn("A profile for {} is left out: {}{}", kernel.release(),
                        entry.problems().isEmpty() ? file : entry.problems().get(0),
                        entry.problems().size() > 1 ? " (and more: hpt profile check)" : "");
                continue;
            }
            Profile profile = entry.profile().get();
            if (profile.kernel().isUnnamed(kernel)) {
                Recognition recognition = new Recognition(profile, kernel, space);
                Optional<Profile> recognised = recognition.recognise();
                if (recognised.isEmpty()) {
                    unknown.put(file, recognition.whyNot());
                    continue;
                }
                profile = recognised.get();
            } else if (!profile.kernel().matches(kernel)) {
                LOG.debug("{} is for another build or architecture than the {} that runs", file, kernel.release());
                continue;
            }
            if (best == null) {
                best = profile;
            } else {
                LOG.warn("Both {} and {} are for this build of {}; the one that tells more is used", best.name(),
                        profile.name(), kernel.release());
                best = facts(profile) > facts(best) ? profile : best;
            }
        }
        if (best == null) {
            unknown.forEach((file, why) -> LOG.warn("{} is not used, for it is not known for the build of {} that runs: {}",
                    file, kernel.release(), why));
        }
        return Optional.ofNullable(best);
    }

    private static int facts(Profile profile) {
        return profile.symbols().size() + profile.constants().size()
                + profile.structs().values().stream().map(StructLayout::members).mapToInt(Map::size).sum();
    }

    /** Whether the file can be the release's profile, as cheaply as that can be said; wrong only in saying yes. */
    private boolean mayBeFor(String release, Path file) {
        Cached cached = cache.get(file);
        if (cached != null && cached.entry.profile().isPresent()
                && Stamp.of(file).filter(cached.stamp::equals).isPresent()) {
            return cached.entry.profile().get().kernel().release().equals(release);
        }
        try {
            if (!Files.isRegularFile(file)) {
                return false;
            }
            byte[] bytes = TextFile.head(file, HEAD);
            // Latin-1 leaves the bytes as they are; a release is ASCII.
            String head = new String(bytes, StandardCharsets.ISO_8859_1);
            boolean mayBeWrittenOtherwise = head.contains("\\");
            boolean mayComeLater = bytes.length == HEAD && !head.contains("release:");
            return head.contains(release) || mayBeWrittenOtherwise || mayComeLater;
        } catch (IOException e) {
            LOG.debug("{} cannot be read: {}", file, why(e));
            return false;
        }
    }

    @Override
    public void write(Profile profile, Path file) {
        String text = ProfileWriter.write(profile);
        Path target = file.toAbsolutePath();
        try {
            Files.createDirectories(target.getParent());
            // Whoever writes through a link means the file behind it.
            Path real = Files.isSymbolicLink(target) && Files.exists(target) ? target.toRealPath() : target;
            WholeFile.write(real, text, "rw-r--r--", true);
        } catch (IOException e) {
            throw fileError(file, e, "the profile cannot be written");
        }
        cache.remove(file);
        watch.ifPresent(watched -> watched.written(file));
    }

    /** The folder's profiles by name. Hidden files are others' unfinished ones. */
    private static List<Path> files(Path folder) throws IOException {
        List<Path> files = new ArrayList<>();
        try (DirectoryStream<Path> all = Files.newDirectoryStream(folder)) {
            for (Path file : all) {
                String name = file.getFileName().toString();
                if (!name.startsWith(".") && ENDINGS.stream().anyMatch(name::endsWith)) {
                    files.add(file);
                }
            }
        } catch (DirectoryIteratorException e) {
            throw e.getCause();
        }
        files.sort(null);
        return files;
    }

    private static String profileName(Path file) {
        String name = file.getFileName().toString();
        for (String ending : ENDINGS) {
            if (name.endsWith(ending)) {
                return name.substring(0, name.length() - ending.length());
            }
        }
        return name;
    }

    private static HptException fileError(Path file, IOException e, String what) {
        return new HptException(Step.PROFILE, Reason.FILE, file.toString(), what + ": " + why(e), e)
                .next("choose another folder with --profiles DIR, or see to it that it is there and may be used");
    }

    private static String why(IOException e) {
        return e instanceof NoSuchFileException ? "it does not exist"
                : e instanceof AccessDeniedException ? "permission denied"
                : e instanceof NotDirectoryException ? "it is not a folder"
                : String.valueOf(e.getMessage());
    }
}
