// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.decoder.Decoder;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.error.Reason;
import org.xenhpt.api.error.Step;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.guest.PhysicalMemory;
import org.xenhpt.api.kernel.Attempt;
import org.xenhpt.api.kernel.Attempt.Outcome;
import org.xenhpt.api.kernel.Clue;
import org.xenhpt.api.kernel.Clue.Verdict;
import org.xenhpt.api.kernel.Finding;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentifier;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Origin;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.profile.ProfileCache;
import org.xenhpt.api.profile.ProfileSource;
import org.xenhpt.api.profile.ProfileStore;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.api.translation.Translator;

/**
 * Climbs from a guest's memory to somebody who can read its tasks: the kernel is identified, then one source of profiles
 * after the other is asked until one tells what a decoder can use. Profiles that people put into a folder come first, then
 * what was learnt of the build before, if the guest's memory bears it out, then the sources that learn.
 */
final class Ladder {
    private static final Logger LOG = LoggerFactory.getLogger(Ladder.class);
    private static final String CACHE = "learnt before";
    private static final int PAGE = 4096;
    /** More than a few boots do not leave their kernels whole. */
    private static final int MOST_KERNELS = 5;

    private final Calls calls;
    private final Plugin<Translator> translator;
    private final Plugin<KernelIdentifier> identifier;
    private final Optional<Plugin<ProfileCache>> cache;
    private final List<Plugin<ProfileSource>> sources;
    private final List<Plugin<Decoder>> decoders;
    private final Needs needs;
    private final long generation;
    private final LongSupplier hostMillis;

    /**
     * @param calls      through which all of these are called
     * @param sources    and decoders in the order in which they are to be asked
     * @param generation of all of these
     * @param hostMillis as {@link System#currentTimeMillis}
     */
    Ladder(Calls calls, Plugin<Translator> translator, Plugin<KernelIdentifier> identifier,
            Optional<Plugin<ProfileCache>> cache, List<Plugin<ProfileSource>> sources, List<Plugin<Decoder>> decoders,
            Needs needs, long generation, LongSupplier hostMillis) {
        this.calls = calls;
        this.translator = translator;
        this.identifier = identifier;
        this.cache = cache;
        this.sources = sources;
        this.decoders = decoders;
        this.needs = needs;
        this.generation = generation;
        this.hostMillis = hostMillis;
    }

    /** Notes what is met, and passes on the rest. */
    private static final class Notes implements Progress {
        private final Progress listener;
        private List<Clue> clues = new ArrayList<>();

        Notes(Progress listener) {
            this.listener = listener;
        }

        @Override
        public void report(String what, long done, long total) {
            listener.report(what, done, total);
        }

        @Override
        public void met(Clue clue) {
            clues.add(clue);
            listener.met(clue);
        }

        void add(List<Clue> known) {
            clues.addAll(known);
        }

        List<Clue> take() {
            List<Clue> taken = clues;
            clues = new ArrayList<>();
            return taken;
        }
    }

    /** One climb. */
    private final class Climb {
        private final GuestUri uri;
        private final Guest guest;
        private final Notes notes;
        private final KernelIdentity identity;
        private final AddressSpace space;
        /** For those who read on: {@link #space} may count what is read. */
        private final AddressSpace uncounted;
        /** What is known of the boot that the guest is thought to be in still. */
        private final Optional<LastPlace> then;
        /** If not, nothing is learnt, nor thrown away. */
        private final boolean mayLearn;
        /** The one before, of which as much is kept as still holds. */
        private final Climbed before;
        private final Optional<Attached.Use> was;
        private final List<Finding> findings;
        private final List<Attempt> attempts = new ArrayList<>();
        private final List<Climbed.Rung> rungs = new ArrayList<>();
        private final HptException problem;
        private Optional<HptException> broken = Optional.empty();
        private Optional<Attached.Use> use = Optional.empty();
        private Optional<Profile> better = Optional.empty();

        Climb(GuestUri uri, Guest guest, Notes notes, ReadMeter metered, KernelIdentity identity,
                Optional<LastPlace> then, boolean mayLearn) {
            this(uri, metered, notes, identity, open(metered, identity), open(guest, identity), then, mayLearn,
                    Climbed.NOTHING, Optional.empty());
            List<Clue> clues = notes.take();
            identity.findings().stream().filter(finding -> !finding.what().equals("other kernel"))
                    .forEach(f -> clues.add(new Clue(Verdict.FOUND, f.what(), f.value(), f.how())));
            attempts.add(new Attempt("kernel in guest memory", Outcome.USED, 1, "", clues));
        }

        Climb(GuestUri uri, Guest guest, Notes notes, Attached before) {
            this(uri, guest, notes, before.identity(), before.space(), before.space(), Optional.empty(), true,
                    before.climb(), before.use());
            attempts.add(before.ladder().get(0));
        }

        private Climb(GuestUri uri, Guest guest, Notes notes, KernelIdentity identity, AddressSpace space,
                AddressSpace uncounted, Optional<LastPlace> then, boolean mayLearn, Climbed before,
                Optional<Attached.Use> was) {
            this.uri = uri;
            this.guest = guest;
            this.notes = notes;
            this.identity = identity;
            this.space = space;
            this.uncounted = uncounted;
            this.then = then;
            this.mayLearn = mayLearn;
            this.before = before;
            this.was = was;
            this.findings = new ArrayList<>(identity.findings());
            this.problem = new HptException(Step.PROFILE, Reason.NO_PROFILE, uri.toString(), "no profile for kernel "
                    + identity.release() + " (" + identity.architecture().label() + ")");
        }

        Attached climb() {
            int rung = 0;
            int cacheAfter = 0;
            for (int i = 0; i < sources.size(); i++) {
                cacheAfter = isStore(sources.get(i)) ? i + 1 : cacheAfter;
            }
            for (; rung <= sources.size(); rung++) {
                if (rung == cacheAfter && cache.isPresent()) {
                    rung(Optional.empty(), CACHE, this::recall);
                }
                if (rung < sources.size() && (mayLearn || use.isPresent() || isStore(sources.get(rung)))) {
                    Plugin<ProfileSource> source = sources.get(rung);
                    rung(Optional.of(source), source.name(), () -> ask(source));
                }
            }
            return new Attached(identity, uncounted, use, findings, attempts,
                    use.isPresent() ? Optional.empty() : Optional.of(broken.isEmpty() ? problem : withCulprit()),
                    new Climbed(generation, translator, identifier, cache, needs, decoders, rungs,
                            use.map(Attached.Use::kernel)));
        }

        /** What is missing may be so for a bundle's fault. */
        private HptException withCulprit() {
            HptException culprit = broken.get();
            HptException whole = new HptException(culprit.step(), culprit.reason(), uri.toString(), culprit.detail());
            problem.tried().forEach(whole::tried);
            return whole.next(culprit.next());
        }

        /** One rung; what came of it before is not tried again. */
        private void rung(Optional<Plugin<ProfileSource>> source, String name, Runnable attempt) {
            int first = attempts.size();
            // Before it is asked: what changes meanwhile is noticed the next time.
            long version = source.map(each -> version(calls, each)).orElse(0L);
            Optional<Climbed.Rung> known = before.rung(source)
                    .filter(rung -> !rung.failed() && rung.version() == version && before.needs().equals(needs)
                            && (source.isPresent() || isOfTheSameSources()));
            Outcome outcome = known.map(rung -> rung.attempt().outcome()).orElse(Outcome.NOT_ASKED);
            boolean failed = false;
            if (use.isPresent()) {
                attempts.add(new Attempt(name, Outcome.NOT_ASKED, 0, "", List.of()));
            } else if (outcome == Outcome.USED && before.kernel().isPresent()) {
                notes.add(known.get().attempt().clues());
                decode(name, before.kernel().get().profile());
            } else if (outcome == Outcome.UNKNOWN || outcome == Outcome.REJECTED && before.decoders().equals(decoders)) {
                problem.tried(outcome == Outcome.UNKNOWN ? name + ": " + known.get().attempt().detail()
                        : known.get().attempt().detail());
                attempts.add(known.get().attempt());
            } else {
                failed = isFailure(name, attempt);
            }
            for (Attempt each : attempts.subList(first, attempts.size())) {
                rungs.add(new Climbed.Rung(source, version, each, failed));
            }
        }

        /** Whatever was learnt before can be borne out by these, and by no others. */
        private boolean isOfTheSameSources() {
            return before.cache().equals(cache) && before.sources().size() == sources.size()
                    && before.sources().containsAll(sources);
        }

        private boolean isFailure(String name, Runnable attempt) {
            try {
                attempt.run();
                return false;
            } catch (HptException failure) {
                LOG.debug("profile source {} failed", name, failure);
                problem.tried(name + ": " + failure.detail());
                attempts.add(new Attempt(name, Outcome.UNKNOWN, 0, failure.detail(), notes.take()));
                note(failure);
                if (!failure.next().isEmpty()) {
                    problem.next(failure.next());
                }
                return true;
            }
        }

        /** A bundle that does what it should not is told of, also when another can do without it. */
        private void note(HptException failure) {
            if (failure.reason() == Reason.PLUGIN_FAILED) {
                LOG.warn("{}", failure.getMessage());
                broken = broken.or(() -> Optional.of(failure));
            }
        }

        private void ask(Plugin<ProfileSource> source) {
            if (source.isSetAside(uri)) {
                throw setAside(source);
            }
            Optional<Profile> profile = calls.to(source,
                    () -> source.service().find(guest, identity, space, needs, notes));
            if (profile.isEmpty()) {
                problem.tried(source.name() + ": does not know this build");
                attempts.add(new Attempt(source.name(), Outcome.UNKNOWN, 0, "does not know this build", notes.take()));
            } else if (decode(source.name(), profile.get()) && !isStore(source) && isWorthKeeping(profile.get())) {
                cache.ifPresent(c -> keep(c, profile.get()));
            }
        }

        private void keep(Plugin<ProfileCache> learnt, Profile profile) {
            try {
                calls.to(learnt, () -> {
                    learnt.service().keep(profile, needs);
                    return true;
                });
            } catch (HptException failure) {
                note(failure);
            }
        }

        private HptException setAside(Plugin<?> plugin) {
            return new HptException(plugin.step(), Reason.PLUGIN_FAILED, uri.toString(), plugin.owner()
                    + " has not come back from an earlier call, and is not asked").next(Calls.next());
        }

        private void recall() {
            Plugin<ProfileCache> learnt = cache.orElseThrow();
            calls.to(learnt, () -> {
                recall(learnt.service());
                return true;
            });
        }

        private void recall(ProfileCache learntBefore) {
            Optional<Profile> learnt = learntBefore.recall(identity, needs);
            if (learnt.isEmpty()) {
                attempts.add(new Attempt(CACHE, Outcome.UNKNOWN, 0, learntBefore.folder()
                        .map(folder -> "nothing of this build in " + folder).orElse("switched off"), List.of()));
                return;
            }
            if (isReadAsBefore(learnt.get())) {
                notes.met(new Clue(Verdict.FOUND, "boot", "", "the one that bore it out before; --no-cache asks again"));
                decode(CACHE, learnt.get());
                return;
            }
            Optional<Profile> holds = confirm(learnt.get());
            if (holds.isPresent()) {
                boolean known = holds.get().origin().proof().equals(learnt.get().origin().proof());
                better = decode(CACHE, holds.get()) && !known ? holds : Optional.empty();
                if (mayLearn) {
                    keepWhatIsBetter();
                }
            } else if (mayLearn) {
                String why = "what was learnt of this build is not what this guest's memory says: thrown away";
                // What tasks bear out may differ from day to day; what a build carries does not.
                if (learnt.get().origin().confidence() == 1) {
                    LOG.warn("{}: {}", identity.release(), why);
                }
                learntBefore.forget(identity, needs);
                attempts.add(new Attempt(CACHE, Outcome.REJECTED, 0, why, notes.take()));
            }
        }

        /** Keeps what was learnt before and is known better now. */
        void keepWhatIsBetter() {
            better.ifPresent(profile -> keep(cache.orElseThrow(), profile));
        }

        private boolean isReadAsBefore(Profile learnt) {
            return then.filter(last -> last.isReadAsBefore(LastPlace.of(guest, identity.place(),
                    new Kernel(identity, learnt), space, hostMillis.getAsLong(), learnt.origin().proof()))).isPresent();
        }

        private Optional<Profile> confirm(Profile learnt) {
            for (Plugin<ProfileSource> source : sources) {
                if (source.isSetAside(uri)) {
                    continue;
                }
                try {
                    Optional<Profile> holds = calls.to(source,
                            () -> source.service().confirm(learnt, guest, identity, space, notes));
                    if (holds.isPresent()) {
                        return holds;
                    }
                } catch (HptException failure) {
                    LOG.debug("profile source {} failed on what was learnt", source.name(), failure);
                    note(failure);
                }
            }
            return Optional.empty();
        }

        /** What was inferred for want of better is kept only if better was looked for everywhere it could be. */
        private boolean isWorthKeeping(Profile learnt) {
            return learnt.origin().confidence() == 1 ? !learnt.origin().proof().isEmpty() : isImageWhole();
        }

        private boolean isImageWhole() {
            PhysicalMemory memory = guest.memory();
            for (long gva = identity.imageStart() & -PAGE; gva != identity.imageEnd() && identity.imageEnd() - gva > 0;
                    gva += PAGE) {
                long gpa = space.find(gva);
                if (gpa != AddressSpace.UNMAPPED && memory.window(gpa).size() == 0) {
                    return false;
                }
            }
            return true;
        }

        /** A profile that no decoder can use is not the last word: another source may have a better one. */
        private boolean decode(String source, Profile found) {
            Kernel kernel = new Kernel(identity, found);
            Origin origin = found.origin();
            String profile = found.name() + " from " + source;
            for (Plugin<Decoder> decoder : decoders) {
                try {
                    Optional<Attached.Use> bound = bind(decoder, kernel);
                    if (bound.isEmpty()) {
                        continue;
                    }
                    use = bound;
                    findings.add(new Finding("profile", found.name(), source + ", made from " + origin.source()
                            + inferred(origin)));
                    findings.add(new Finding("decoder", decoder.name(), "fits what the profile has"));
                    attempts.add(new Attempt(source, Outcome.USED, origin.confidence(), "profile " + found.name()
                            + ", made from " + origin.source() + "; read by decoder " + decoder.name(), notes.take()));
                    return true;
                } catch (HptException failure) {
                    LOG.debug("decoder {} failed on {}", decoder.name(), profile, failure);
                    if (failure.reason() == Reason.PLUGIN_FAILED || failure.reason() == Reason.TAKEN_AWAY) {
                        // Its fault, not the profile's: the next decoder may be able to use that.
                        note(failure);
                        problem.tried(failure.detail());
                        continue;
                    }
                    rejected(source, decoder.name() + " with " + profile + ": " + failure.detail(), origin);
                    if (!failure.next().isEmpty()) {
                        problem.next(failure.next());
                    }
                    return false;
                }
            }
            rejected(source, "profile " + profile + ": none of the decoders "
                    + decoders.stream().map(Plugin::name).sorted().toList() + " fits it", origin);
            return false;
        }

        /** Whoever reads it already goes on. */
        private Optional<Attached.Use> bind(Plugin<Decoder> decoder, Kernel kernel) {
            if (was.filter(before -> before.plugin().equals(Optional.of(decoder))
                    && before.kernel().profile().equals(kernel.profile())).isPresent()) {
                return was;
            }
            if (decoder.isSetAside(uri)) {
                throw setAside(decoder);
            }
            return calls.to(decoder, () -> decoder.service().fits(kernel))
                    ? Optional.of(new Attached.Use(kernel, decoder.name(),
                            calls.to(decoder, () -> decoder.service().attach(kernel, uncounted)), Optional.of(decoder)))
                    : Optional.empty();
        }

        private void rejected(String source, String why, Origin origin) {
            problem.tried(why);
            attempts.add(new Attempt(source, Outcome.REJECTED, origin.confidence(), why, notes.take()));
        }
    }

    private static String inferred(Origin origin) {
        return origin.confidence() < 1
                ? "; NOT CERTAIN, confidence " + origin.confidence() + ": " + origin.from() : "";
    }

    private AddressSpace open(Guest guest, KernelIdentity identity) {
        return calls.to(translator,
                () -> translator.service().open(guest.memory(), identity.paging(), identity.rootGpa()));
    }

    /**
     * What was noted of a guest when it was attached to before. What was learnt of its kernel is then read in the
     * background.
     *
     * @param needs asked for only if there is a note
     */
    static Optional<LastPlace> recall(Calls calls, Plugin<ProfileCache> cache, GuestUri uri, Supplier<Needs> needs) {
        Optional<LastPlace> noted = of(calls, cache, c -> c.recallNote(uri)).flatMap(LastPlace::parse);
        noted.ifPresent(last -> {
            // Asked here and not within the call: that others are slow to tell their needs is not the cache's fault.
            Needs wanted = needs.get();
            of(calls, cache, c -> {
                c.expect(last.build(), wanted);
                return Optional.empty();
            });
        });
        return noted;
    }

    /**
     * @param then where the guest's kernel was when it was attached to before; the search begins there if it is still there
     * @throws HptException {@code NOT_IDENTIFIED}, and what else keeps the kernel from being known; that nothing tells its
     *                      layout is said in {@link Attached#problem}
     */
    Attached climb(GuestUri uri, Guest guest, Progress progress, Optional<LastPlace> then) {
        long begin = System.nanoTime();
        ReadMeter metered = new ReadMeter(guest);
        Notes notes = new Notes(calls.signs(progress));
        Optional<Attached> again = then.filter(last -> last.stamp().equals(guest.stamp()))
                .flatMap(last -> again(uri, guest, last, metered, notes));
        if (again.isPresent()) {
            return told(again.get(), metered, begin);
        }
        notes.take();
        Attached attached = running(uri, guest, metered, notes);
        // Of an image only its file tells that it is still the same one.
        if (guest.memory().live() || !guest.stamp().isEmpty()) {
            last(guest, attached, attached.identity().place()).filter(last -> last.mark().kernelThere())
                    .ifPresent(last -> keep(uri, guest, last));
        }
        return told(attached, metered, begin);
    }

    /**
     * Climbs to the kernel that runs. Of several that are whole in memory their tasks may tell it: a kernel that a reboot
     * left behind is overwritten bit by bit, and its clock stands.
     */
    private Attached running(GuestUri uri, Guest guest, ReadMeter metered, Notes notes) {
        List<KernelIdentity> all = calls.to(identifier,
                () -> List.copyOf(identifier.service().identifyAll(metered, notes)));
        Attached best = new Climb(uri, guest, notes, metered, all.get(0), Optional.empty(), true).climb();
        for (KernelIdentity other : all.subList(1, Math.min(all.size(), MOST_KERNELS))) {
            Optional<BootMark> mark = markOf(best);
            // What may have stopped long ago teaches nothing, unless there is nothing better.
            boolean learns = mark.filter(BootMark::kernelThere).isEmpty();
            Attached instead = new Climb(uri, guest, notes, metered, other, Optional.empty(), learns).climb();
            Optional<String> why = mark.flatMap(one -> markOf(instead).flatMap(one::whyRatherThan));
            if (why.isPresent()) {
                giveBack(best);
                best = instead.ratherThan(best.identity(), why.get());
            } else {
                giveBack(instead);
            }
        }
        return best;
    }

    private static Optional<BootMark> markOf(Attached attached) {
        return attached.use().map(use -> BootMark.read(use.kernel(), attached.space()));
    }

    /** Looks where the guest's kernel was the last time, and learns nothing of what is there until it is seen to run. */
    private Optional<Attached> again(GuestUri uri, Guest guest, LastPlace then, ReadMeter metered, Notes notes) {
        Optional<KernelIdentity> identity = calls.to(identifier,
                () -> identifier.service().identifyAt(then.place(), metered, notes));
        if (identity.isEmpty()) {
            return Optional.empty();
        }
        Climb climb = new Climb(uri, guest, notes, metered, identity.get(), Optional.of(then), false);
        Attached attached = climb.climb();
        Optional<LastPlace> now = last(guest, attached, then.place());
        boolean runs = now.filter(last -> last.mark().kernelThere() && then.isStillThere(last, guest.memory().live())).isPresent();
        if (!runs) {
            LOG.debug("{} is searched: the kernel that it ran may run no more", uri);
            giveBack(attached);
            return Optional.empty();
        }
        climb.keepWhatIsBetter();
        then.next(now.get()).ifPresent(next -> keep(uri, guest, next));
        return Optional.of(attached);
    }

    private void giveBack(Attached attached) {
        attached.use().ifPresent(use -> use.plugin().ifPresent(plugin -> giveBack(plugin, use.reader())));
    }

    private void giveBack(Plugin<Decoder> plugin, TaskReader reader) {
        try {
            calls.to(plugin, () -> {
                reader.close();
                return true;
            });
        } catch (HptException failure) {
            LOG.debug("a reader that is not wanted could not be closed", failure);
        }
    }

    private Optional<LastPlace> last(Guest guest, Attached attached, String place) {
        // What people put into a folder is believed without being borne out.
        boolean given = attached.climb().rungs().stream().anyMatch(rung -> rung.attempt().outcome() == Outcome.USED
                && rung.source().filter(Ladder::isStore).isPresent());
        return attached.use().filter(use -> !place.isEmpty())
                .map(use -> LastPlace.of(guest, place, use.kernel(), attached.space(), hostMillis.getAsLong(),
                        given ? "" : use.kernel().profile().origin().proof()));
    }

    private void keep(GuestUri uri, Guest guest, LastPlace last) {
        if (!guest.memory().live() || last.mark().seconds().isPresent()) {
            ofCache(c -> {
                c.keepNote(uri, last.text());
                return Optional.empty();
            });
        }
    }

    /** What the cache tells; a cache that fails is done without. */
    private <T> Optional<T> ofCache(Function<ProfileCache, Optional<T>> question) {
        return cache.flatMap(learnt -> of(calls, learnt, question));
    }

    private static <T> Optional<T> of(Calls calls, Plugin<ProfileCache> cache,
            Function<ProfileCache, Optional<T>> question) {
        try {
            return calls.to(cache, () -> question.apply(cache.service()));
        } catch (HptException failure) {
            LOG.warn("{}", failure.getMessage());
            return Optional.empty();
        }
    }

    private static Attached told(Attached attached, ReadMeter metered, long begin) {
        List<Finding> findings = new ArrayList<>(attached.findings());
        long millis = (System.nanoTime() - begin) / 1_000_000;
        long all = Math.max(1, metered.bytes());
        findings.add(new Finding("found out in", String.format(Locale.ROOT, "%d.%03d s", millis / 1000, millis % 1000),
                String.format(Locale.ROOT, "%d of %d MiB of RAM were read, %.1f %%", metered.bytesRead() >> 20, all >> 20,
                        100.0 * metered.bytesRead() / all)));
        return new Attached(attached.identity(), attached.space(), attached.use(), findings, attached.ladder(),
                attached.problem(), attached.climb());
    }

    /**
     * Makes a profile of a kernel that was identified.
     *
     * @param also what is wanted besides what the decoders need
     * @throws HptException {@code NO_PROFILE}
     */
    Profile learn(GuestUri uri, Guest guest, Attached attached, Needs also, Progress progress) {
        KernelIdentity identity = attached.identity();
        HptException problem = new HptException(Step.PROFILE, Reason.NO_PROFILE, uri.toString(),
                "its memory does not tell the layouts of kernel " + identity.release());
        Optional<Profile> unread = Optional.empty();
        for (Plugin<ProfileSource> source : sources) {
            // A folder can only give back what was made before.
            if (source.isGone() || isStore(source) || source.isSetAside(uri)) {
                continue;
            }
            try {
                Optional<Profile> found = calls.to(source, () -> source.service().find(guest, identity, attached.space(),
                        needs.and(also), calls.signs(progress)));
                if (found.filter(profile -> isReadable(new Kernel(identity, profile))).isPresent()) {
                    return found.get();
                }
                unread = unread.or(() -> found);
                problem.tried(source.name() + ": " + (found.isPresent() ? "no decoder fits what it found"
                        : "does not know this build"));
            } catch (HptException failure) {
                problem.tried(source.name() + ": " + failure.detail());
            }
        }
        return unread.orElseThrow(() -> problem.next("make it from files: hpt profile make --from FILE..."));
    }

    /** A decoder that fails reads nothing; the next one may. */
    private boolean isReadable(Kernel kernel) {
        return decoders.stream().anyMatch(decoder -> {
            try {
                return calls.to(decoder, () -> decoder.service().fits(kernel));
            } catch (HptException failure) {
                LOG.debug("decoder {} failed", decoder.name(), failure);
                return false;
            }
        });
    }

    private static boolean isStore(Plugin<ProfileSource> source) {
        return !source.isGone() && source.service() instanceof ProfileStore;
    }

    /** Of what a source knows; -1 when it fails to tell. */
    static long version(Calls calls, Plugin<ProfileSource> source) {
        try {
            return calls.to(source, () -> source.service().version());
        } catch (HptException failure) {
            return -1;
        }
    }

    /** Whether the kernel was identified, and its address space opened, by those that this one would ask. */
    boolean isOfTheSame(Climbed climb) {
        return climb.translator() == translator && climb.identifier() == identifier;
    }

    /** Climbs again to what is known of a kernel that was identified, as far as something changed on the way. */
    Attached follow(GuestUri uri, Guest guest, Attached before) {
        return new Climb(uri, guest, new Notes(calls.signs(Progress.NONE)), before).climb();
    }
}
