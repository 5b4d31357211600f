// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.frontend;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.xenhpt.api.decoder.Decoder;
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

    private final Translator translator;
    private final KernelIdentifier identifier;
    private final Optional<ProfileCache> cache;
    private final List<ProfileSource> sources;
    private final List<Decoder> decoders;
    private final Needs needs;
    private final LongSupplier hostMillis;

    /**
     * @param sources    and decoders in the order in which they are to be asked
     * @param hostMillis as {@link System#currentTimeMillis}
     */
    Ladder(Translator translator, KernelIdentifier identifier, Optional<ProfileCache> cache,
            List<ProfileSource> sources, List<Decoder> decoders, Needs needs, LongSupplier hostMillis) {
        this.hostMillis = hostMillis;
        this.translator = translator;
        this.identifier = identifier;
        this.cache = cache;
        this.sources = sources;
        this.decoders = decoders;
        this.needs = needs;
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

        List<Clue> take() {
            List<Clue> taken = clues;
            clues = new ArrayList<>();
            return taken;
        }
    }

    /** One climb. */
    private final class Climb {
        /** Of which it is counted what is read. */
        private final ReadMeter guest;
        private final Notes notes;
        private final boolean mayLearn;
        private final KernelIdentity identity;
        private final AddressSpace space;
        /** For those who read on. */
        private final AddressSpace uncounted;
        private final List<Finding> findings;
        private final List<Attempt> attempts = new ArrayList<>();
        private final HptException problem;
        private Optional<Attached.Use> use = Optional.empty();

        /** @param mayLearn whether to ask those sources that learn, and to throw away what was learnt and does not hold */
        Climb(Guest guest, Notes notes, ReadMeter metered, KernelIdentity identity, boolean mayLearn) {
            this.mayLearn = mayLearn;
            this.guest = metered;
            this.notes = notes;
            this.identity = identity;
            this.space = translator.open(metered.memory(), identity.paging(), identity.rootGpa());
            this.uncounted = translator.open(guest.memory(), identity.paging(), identity.rootGpa());
            this.findings = new ArrayList<>(identity.findings());
            this.problem = new HptException(Step.PROFILE, Reason.NO_PROFILE, guest.info().uri().toString(), "no profile for kernel "
                    + identity.release() + " (" + identity.architecture().label() + ")");
            List<Clue> clues = notes.take();
            identity.findings().stream().filter(finding -> !finding.what().equals("other kernel"))
                    .forEach(f -> clues.add(new Clue(Verdict.FOUND, f.what(), f.value(), f.how())));
            attempts.add(new Attempt("kernel in guest memory", Outcome.USED, 1, "", clues));
        }

        Attached climb() {
            int rung = 0;
            int cacheAfter = 0;
            for (int i = 0; i < sources.size(); i++) {
                cacheAfter = sources.get(i) instanceof ProfileStore ? i + 1 : cacheAfter;
            }
            for (; rung <= sources.size(); rung++) {
                if (rung == cacheAfter && cache.isPresent()) {
                    recall();
                }
                if (rung < sources.size() && (mayLearn || use.isPresent() || sources.get(rung) instanceof ProfileStore)) {
                    ask(sources.get(rung));
                }
            }
            return new Attached(identity, uncounted, use, findings, attempts,
                    use.isPresent() ? Optional.empty() : Optional.of(problem));
        }

        private boolean isDone(String source) {
            if (use.isPresent()) {
                attempts.add(new Attempt(source, Outcome.NOT_ASKED, 0, "", List.of()));
            }
            return use.isPresent();
        }

        private void ask(ProfileSource source) {
            if (isDone(source.name())) {
                return;
            }
            try {
                Optional<Profile> profile = source.find(guest, identity, space, needs, notes);
                if (profile.isEmpty()) {
                    problem.tried(source.name() + ": does not know this build");
                    attempts.add(new Attempt(source.name(), Outcome.UNKNOWN, 0, "does not know this build", notes.take()));
                } else if (decode(source.name(), profile.get()) && !(source instanceof ProfileStore)
                        && isWorthKeeping(profile.get())) {
                    cache.ifPresent(c -> c.keep(profile.get(), needs));
                }
            } catch (HptException failure) {
                LOG.debug("profile source {} failed", source.name(), failure);
                problem.tried(source.name() + ": " + failure.detail());
                attempts.add(new Attempt(source.name(), Outcome.UNKNOWN, 0, failure.detail(), notes.take()));
                if (!failure.next().isEmpty()) {
                    problem.next(failure.next());
                }
            }
        }

        private void recall() {
            if (isDone(CACHE)) {
                return;
            }
            Optional<Profile> learnt = cache.get().recall(identity, needs);
            if (learnt.isEmpty()) {
                attempts.add(new Attempt(CACHE, Outcome.UNKNOWN, 0, cache.get().folder()
                        .map(folder -> "nothing of this build in " + folder).orElse("switched off"), List.of()));
                return;
            }
            Optional<Profile> holds = confirm(learnt.get());
            if (holds.isPresent()) {
                decode(CACHE, holds.get());
            } else if (mayLearn) {
                String why = "what was learnt of this build is not what this guest's memory says: thrown away";
                // What tasks bear out may differ from day to day; what a build carries does not.
                if (learnt.get().origin().confidence() == 1) {
                    LOG.warn("{}: {}", identity.release(), why);
                }
                cache.get().forget(identity, needs);
                attempts.add(new Attempt(CACHE, Outcome.REJECTED, 0, why, notes.take()));
            }
        }

        private Optional<Profile> confirm(Profile learnt) {
            for (ProfileSource source : sources) {
                try {
                    Optional<Profile> holds = source.confirm(learnt, guest, identity, space, notes);
                    if (holds.isPresent()) {
                        return holds;
                    }
                } catch (HptException failure) {
                    LOG.debug("profile source {} failed on what was learnt", source.name(), failure);
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
            for (Decoder decoder : decoders) {
                if (!decoder.fits(kernel)) {
                    continue;
                }
                try {
                    use = Optional.of(new Attached.Use(kernel, decoder.name(), decoder.attach(kernel, uncounted)));
                    findings.add(new Finding("profile", found.name(), source + ", made from " + origin.source()
                            + inferred(origin)));
                    findings.add(new Finding("decoder", decoder.name(), "fits what the profile has"));
                    attempts.add(new Attempt(source, Outcome.USED, origin.confidence(), "profile " + found.name()
                            + ", made from " + origin.source() + "; read by decoder " + decoder.name(), notes.take()));
                    return true;
                } catch (HptException failure) {
                    LOG.debug("decoder {} failed on {}", decoder.name(), profile, failure);
                    rejected(source, decoder.name() + " with " + profile + ": " + failure.detail(), origin);
                    if (!failure.next().isEmpty()) {
                        problem.next(failure.next());
                    }
                    return false;
                }
            }
            rejected(source, "profile " + profile + ": none of the decoders "
                    + decoders.stream().map(Decoder::name).sorted().toList() + " fits it", origin);
            return false;
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

    /**
     * @param recall whether to begin where the guest's kernel was when it was attached to before, if it is still there
     * @throws HptException {@code NOT_IDENTIFIED}, and what else keeps the kernel from being known; that nothing tells its
     *                      layout is said in {@link Attached#problem}
     */
    Attached climb(GuestUri uri, Guest guest, Progress progress, boolean recall) {
        long begin = System.nanoTime();
        ReadMeter metered = new ReadMeter(guest);
        Notes notes = new Notes(progress);
        Optional<Attached> again = recall ? again(uri, guest, metered, notes) : Optional.empty();
        if (again.isPresent()) {
            return told(again.get(), metered, begin);
        }
        notes.take();
        KernelIdentity identity = identifier.identify(metered, notes);
        Attached attached = new Climb(guest, notes, metered, identity, true).climb();
        // Of an image only its file tells that it is still the same one.
        if (guest.memory().live() || !guest.stamp().isEmpty()) {
            last(attached, identity.place()).ifPresent(last -> keep(uri, guest, last));
        }
        return told(attached, metered, begin);
    }

    /** Looks where the guest's kernel was the last time, and learns nothing of what is there until it is seen to run. */
    private Optional<Attached> again(GuestUri uri, Guest guest, ReadMeter metered, Notes notes) {
        Optional<LastPlace> then = cache.flatMap(c -> c.recallPlace(uri, guest.stamp())).flatMap(LastPlace::parse);
        Optional<KernelIdentity> identity = then.flatMap(last -> identifier.identifyAt(last.place(), metered, notes));
        if (identity.isEmpty()) {
            return Optional.empty();
        }
        Attached attached = new Climb(guest, notes, metered, identity.get(), false).climb();
        Optional<LastPlace> now = last(attached, then.get().place());
        boolean runs = now.filter(last -> then.get().isStillThere(last, guest.memory().live())).isPresent();
        if (!runs) {
            LOG.debug("{} is searched: the kernel that it ran may run no more", uri);
            return Optional.empty();
        }
        if (guest.memory().live() && now.get().isSharperThan(then.get())) {
            keep(uri, guest, now.get());
        }
        return Optional.of(attached);
    }

    private Optional<LastPlace> last(Attached attached, String place) {
        return attached.use().filter(use -> !place.isEmpty()).map(use -> new LastPlace(place,
                BootMark.read(use.kernel(), attached.space()).seconds(), hostMillis.getAsLong()));
    }

    private void keep(GuestUri uri, Guest guest, LastPlace last) {
        if (!guest.memory().live() || last.seconds().isPresent()) {
            cache.ifPresent(c -> c.keepPlace(uri, guest.stamp(), last.text()));
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
                attached.problem());
    }
}
