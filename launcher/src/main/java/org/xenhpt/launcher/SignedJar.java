// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.security.CodeSigner;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.jar.Manifest;
import java.util.regex.Pattern;
import java.util.zip.ZipFile;

/**
 * What the signatures of a jar are worth (JAR File Specification, "Signed JAR File").
 *
 * @param refusal why it is not to be run; empty when all that is in it is signed by whom the operator trusts
 * @param signers who signed, in words
 */
record SignedJar(Optional<String> refusal, Set<String> signers) {
    private static final String FOLDER = "META-INF/";
    /** Reading stops there: an entry may be packed to a thousandth of what it claims to be. */
    private static final long MOST_BYTES = 1L << 30;
    private static final int BUFFER = 1 << 16;
    /** Without such a digest the names of the activator and of the imported packages would not be covered. */
    private static final Pattern COVERS_MANIFEST = Pattern.compile("SHA-?(256|384|512)-Digest-Manifest(-Main-Attributes)?",
            Pattern.CASE_INSENSITIVE);

    SignedJar {
        signers = Collections.unmodifiableSet(new LinkedHashSet<>(signers));
    }

    /** What is read from the jar, and what was found until now. */
    private static final class Reading {
        private final TrustedSigners trusted;
        private final Date day;
        private final Map<CodeSigner, Optional<String>> known = new HashMap<>();
        private final Set<String> signers = new LinkedHashSet<>();
        private final byte[] verified = new byte[BUFFER];
        private final byte[] whole = new byte[BUFFER];
        private long left = MOST_BYTES;

        Reading(TrustedSigners trusted, Date day) {
            this.trusted = trusted;
            this.day = day;
        }

        Optional<String> refusal(CodeSigner signer) {
            signers.add(TrustedSigners.named(signer));
            return known.computeIfAbsent(signer, each -> trusted.refusal(each, day));
        }
    }

    /** Verifies the file. Nobody may write to it in the meantime, or afterwards. */
    static SignedJar verify(Path jar, TrustedSigners trusted, Date day) {
        Reading reading = new Reading(trusted, day);
        Optional<String> refusal;
        try (JarFile file = new JarFile(jar.toFile(), true); ZipFile plain = new ZipFile(jar.toFile())) {
            refusal = refusal(file, plain, reading);
        } catch (SecurityException e) {
            refusal = Optional.of("its signature or its manifest was changed after it was signed: " + message(e));
        } catch (IOException | RuntimeException e) {
            // Whatever a malformed jar makes the JDK throw.
            refusal = Optional.of("it cannot be read as a jar: " + message(e));
        }
        return new SignedJar(refusal, reading.signers);
    }

    private static Optional<String> refusal(JarFile file, ZipFile plain, Reading reading) throws IOException {
        List<JarEntry> entries = new ArrayList<>();
        Set<String> names = new HashSet<>();
        boolean signed = false;
        for (JarEntry entry : Collections.list(file.entries())) {
            if (!names.add(entry.getName())) {
                return Optional.of("there are two entries " + Plain.text(entry.getName()) + " in it");
            }
            if (isOfSignature(entry.getName())) {
                if (entry.getName().toUpperCase(Locale.ROOT).endsWith(".SF")) {
                    signed = true;
                    Optional<String> weak = coverage(file, entry);
                    if (weak.isPresent()) {
                        return weak;
                    }
                }
            } else if (!entry.isDirectory()) {
                entries.add(entry);
            }
        }
        if (!signed) {
            return Optional.of("it is not signed" + hint(reading.trusted));
        }
        // As the framework wants its name, and as it comes first in the order of what can be wrong.
        JarEntry manifest = file.getJarEntry(JarFile.MANIFEST_NAME);
        if (manifest == null || !manifest.getName().equals(JarFile.MANIFEST_NAME)) {
            return Optional.of("it has no " + JarFile.MANIFEST_NAME);
        }
        entries.removeIf(entry -> entry.getName().equals(JarFile.MANIFEST_NAME));
        entries.add(0, manifest);
        for (JarEntry entry : entries) {
            Optional<String> refusal = refusal(file, plain, entry, reading);
            if (refusal.isPresent()) {
                return refusal;
            }
        }
        return missing(file.getManifest(), names);
    }

    private static Optional<String> refusal(JarFile file, ZipFile plain, JarEntry entry, Reading reading)
            throws IOException {
        String name = Plain.text(entry.getName());
        // The JDK verifies as many bytes as the archive's directory says there are; the framework reads all there are. In a
        // jar within the jar, what is behind the verified bytes would be its directory.
        try (InputStream verified = file.getInputStream(entry);
                InputStream whole = plain.getInputStream(plain.getEntry(entry.getName()))) {
            int read;
            do {
                read = verified.readNBytes(reading.verified, 0, BUFFER);
                if (read != whole.readNBytes(reading.whole, 0, BUFFER)
                        || !Arrays.equals(reading.verified, 0, read, reading.whole, 0, read)) {
                    return Optional.of(name + " is not as long as the jar's directory says: it was changed");
                }
                reading.left -= read;
                if (reading.left < 0) {
                    return Optional.of("it holds more than " + (MOST_BYTES >> 30) + " GiB");
                }
            } while (read == BUFFER);
        } catch (SecurityException e) {
            return Optional.of(name + " was changed after it was signed: " + message(e));
        }
        CodeSigner[] signers = entry.getCodeSigners();
        if (signers == null || signers.length == 0) {
            return Optional.of(entry.getName().equals(JarFile.MANIFEST_NAME)
                    ? "its signature is broken, or of an algorithm that this Java no longer believes"
                            + hint(reading.trusted)
                    : name + " is not signed: it was added, or is new, after the others were");
        }
        List<Optional<String>> refusals = Arrays.stream(signers).map(reading::refusal).toList();
        return refusals.stream().anyMatch(Optional::isEmpty) ? Optional.empty() : refusals.get(0);
    }

    /** What was signed and is there no more. */
    private static Optional<String> missing(Manifest manifest, Set<String> names) {
        for (Map.Entry<String, Attributes> section : manifest.getEntries().entrySet()) {
            boolean digest = section.getValue().keySet().stream()
                    .anyMatch(key -> key.toString().toLowerCase(Locale.ROOT).endsWith("-digest"));
            if (digest && !names.contains(section.getKey())) {
                return Optional.of(Plain.text(section.getKey()) + " was removed after it was signed");
            }
        }
        return Optional.empty();
    }

    private static Optional<String> coverage(JarFile file, JarEntry signatureFile) throws IOException {
        try (InputStream in = file.getInputStream(signatureFile)) {
            boolean covers = new Manifest(in).getMainAttributes().keySet().stream()
                    .anyMatch(key -> COVERS_MANIFEST.matcher(key.toString()).matches());
            return covers ? Optional.empty() : Optional.of("its signature " + Plain.text(signatureFile.getName())
                    + " does not cover the manifest with SHA-256 or better");
        }
    }

    /** Whether signatures do not cover the entry, because it is of one. */
    private static boolean isOfSignature(String name) {
        if (!name.startsWith(FOLDER) || name.indexOf('/', FOLDER.length()) >= 0) {
            return false;
        }
        String upper = name.substring(FOLDER.length()).toUpperCase(Locale.ROOT);
        return upper.endsWith(".SF") || upper.endsWith(".RSA") || upper.endsWith(".DSA") || upper.endsWith(".EC")
                || upper.startsWith("SIG-");
    }

    private static String hint(TrustedSigners trusted) {
        return trusted.problem().map(problem -> ", and " + problem)
                .orElse(": sign it with jarsigner and a key whose certificate " + trusted.keyStore() + " holds");
    }

    private static String message(Exception e) {
        return Plain.text(e.getMessage() == null ? e.toString() : e.getMessage());
    }
}
