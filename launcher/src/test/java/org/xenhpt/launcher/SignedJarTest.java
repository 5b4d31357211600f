// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Jars signed as jarsigner does, and what can be wrong with them. */
class SignedJarTest {
    private static final String CLASS = "vendor/Thing.class";
    private static final String MANIFEST = "Manifest-Version: 1.0\r\nBundle-SymbolicName: vendor\r\nBundle-Activator: v.A\r\n\r\n";

    @TempDir
    private static Path folder;
    private static Keys keys;
    private static TrustedSigners trusted;
    private static TrustedSigners trustingAuthority;
    private static Path plain;
    private static Path signed;

    @BeforeAll
    static void makeKeys() throws Exception {
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
        keys = new Keys(folder);
        keys.make("vendor", "-validity", "365");
        keys.make("stranger", "-validity", "365");
        keys.make("late", "-startdate", "-10d", "-validity", "5");
        keys.make("early", "-startdate", "+10d", "-validity", "365");
        keys.make("authority", "-validity", "365", "-ext", "bc:c");
        keys.make("coder", "-signer", "authority", "-validity", "90", "-ext", "eku=codeSigning");
        keys.make("webserver", "-signer", "authority", "-validity", "90", "-ext", "eku=serverAuth");
        trusted = read(keys.trusting("trust.p12", "PKCS12", "vendor", "late", "early"));
        trustingAuthority = read(keys.trusting("authority.p12", "PKCS12", "authority"));
        plain = jar("plain.jar", Map.of());
        signed = keys.sign(plain, "vendor");
    }

    private static TrustedSigners read(Path store) {
        return TrustedSigners.read(store, Optional.empty());
    }

    private static Path jar(String name, Map<String, String> more) throws IOException {
        Map<String, String> entries = new LinkedHashMap<>();
        entries.put(JarFile.MANIFEST_NAME, MANIFEST);
        entries.put("vendor/", "");
        entries.put(CLASS, "code");
        entries.put("vendor/text.properties", "a=b");
        entries.putAll(more);
        Path jar = folder.resolve(name);
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(jar))) {
            for (Map.Entry<String, String> entry : entries.entrySet()) {
                out.putNextEntry(new ZipEntry(entry.getKey()));
                out.write(entry.getValue().getBytes(StandardCharsets.UTF_8));
            }
        }
        return jar;
    }

    /** Another jar with the same entries but these; an empty one is left out. */
    private static Path changed(Path jar, Map<String, Optional<String>> changes) throws IOException {
        Path changed = Files.createTempFile(folder, "changed", ".jar");
        try (ZipFile in = new ZipFile(jar.toFile()); ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(changed))) {
            for (ZipEntry entry : Collections.list(in.entries())) {
                Optional<String> change = changes.getOrDefault(entry.getName(), Optional.of(""));
                if (change.isPresent()) {
                    out.putNextEntry(new ZipEntry(entry.getName()));
                    out.write(changes.containsKey(entry.getName()) ? change.get().getBytes(StandardCharsets.UTF_8)
                            : in.getInputStream(entry).readAllBytes());
                }
            }
            for (Map.Entry<String, Optional<String>> change : changes.entrySet()) {
                if (in.getEntry(change.getKey()) == null) {
                    out.putNextEntry(new ZipEntry(change.getKey()));
                    out.write(change.getValue().orElseThrow().getBytes(StandardCharsets.UTF_8));
                }
            }
        }
        return changed;
    }

    private static String refusal(Path jar, TrustedSigners by) {
        return SignedJar.verify(jar, by, new Date()).refusal().orElse("none");
    }

    private static String refusal(Path jar) {
        return refusal(jar, trusted);
    }

    @Test
    void oneSignedByATrustedKeyIsBelieved() {
        SignedJar verified = SignedJar.verify(signed, trusted, new Date());
        assertThat(verified.refusal()).isEmpty();
        assertThat(verified.signers()).singleElement().asString().matches("CN=vendor \\(SHA-256 (\\p{XDigit}{2}:){31}\\p{XDigit}{2}\\)");
    }

    @Test
    void oneThatIsOnlyAManifestIsBelievedOrNotAsAnyOther() throws Exception {
        Path fragment = folder.resolve("fragment.jar");
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(fragment))) {
            out.putNextEntry(new ZipEntry(JarFile.MANIFEST_NAME));
            out.write(MANIFEST.getBytes(StandardCharsets.UTF_8));
        }
        assertThat(refusal(fragment)).startsWith("it is not signed");
        assertThat(refusal(keys.sign(fragment, "vendor"))).isEqualTo("none");
        assertThat(refusal(keys.sign(fragment, "stranger"))).contains("CN=stranger");
        assertThat(refusal(changed(keys.sign(fragment, "vendor"), Map.of(JarFile.MANIFEST_NAME,
                Optional.of(MANIFEST.replace("v.A", "v.B")))))).contains("changed after it was signed");
    }

    @Test
    void oneThatIsNotSignedIsRefused() throws IOException {
        assertThat(refusal(plain)).isEqualTo("it is not signed: sign it with jarsigner and a key whose certificate "
                + folder.resolve("trust.p12") + " holds");
        assertThat(refusal(changed(signed, Map.of("META-INF/VENDOR.SF", Optional.empty(), "META-INF/VENDOR.EC", Optional.empty()))))
                .startsWith("it is not signed");
        assertThat(refusal(changed(signed, Map.of("META-INF/VENDOR.EC", Optional.empty()))))
                .startsWith("its signature is broken");
        assertThat(refusal(changed(signed, Map.of("META-INF/VENDOR.EC", Optional.of("nonsense")))))
                .startsWith("its signature is broken");
    }

    @Test
    void aSignersNameAndFingerprintAreToldWhenHeIsUnknown() throws Exception {
        assertThat(refusal(keys.sign(plain, "stranger"))).matches("signed by CN=stranger \\(SHA-256 [0-9A-F:]{95}\\), whom "
                + folder.resolve("trust.p12") + " does not know: .*keytool -importcert.*");
    }

    @Test
    void whatWasTamperedWithIsNamed() throws IOException {
        assertThat(refusal(changed(signed, Map.of(CLASS, Optional.of("evil"))))).startsWith(CLASS + " was changed after it was signed");
        assertThat(refusal(changed(signed, Map.of("vendor/text.properties", Optional.of("a=c")))))
                .startsWith("vendor/text.properties was changed after it was signed");
        assertThat(refusal(changed(signed, Map.of("vendor/More.class", Optional.of("evil")))))
                .startsWith("vendor/More.class is not signed");
        assertThat(refusal(changed(signed, Map.of("META-INF/services/x.Y", Optional.of("evil")))))
                .startsWith("META-INF/services/x.Y is not signed");
        assertThat(refusal(changed(signed, Map.of("meta-inf/x.sf", Optional.of("evil"))))).startsWith("meta-inf/x.sf is not signed");
        assertThat(refusal(changed(signed, Map.of(CLASS, Optional.empty())))).isEqualTo(CLASS + " was removed after it was signed");
    }

    @Test
    void aChangedManifestIsRefused() throws Exception {
        String manifest;
        String signature;
        try (ZipFile jar = new ZipFile(signed.toFile())) {
            manifest = new String(jar.getInputStream(jar.getEntry(JarFile.MANIFEST_NAME)).readAllBytes(), StandardCharsets.UTF_8);
            signature = new String(jar.getInputStream(jar.getEntry("META-INF/VENDOR.SF")).readAllBytes(), StandardCharsets.UTF_8);
        }
        assertThat(refusal(changed(signed, Map.of(JarFile.MANIFEST_NAME, Optional.of(manifest.replace("v.A", "v.B"))))))
                .contains("changed after it was signed");
        assertThat(refusal(changed(signed, Map.of(JarFile.MANIFEST_NAME, Optional.empty())))).contains("META-INF/MANIFEST.MF");
        assertThat(refusal(changed(signed, Map.of("META-INF/OTHER.SF", Optional.of("Signature-Version: 1.0\r\n\r\n")))))
                .startsWith("its signature META-INF/OTHER.SF does not cover the manifest");
        assertThat(refusal(changed(signed, Map.of("META-INF/VENDOR.SF",
                Optional.of(signature.replaceFirst("(?s)SHA-256-Digest-Manifest: .{8}", "SHA-256-Digest-Manifest: AAAAAAAA"))))))
                .startsWith("its signature or its manifest was changed");
    }

    @Test
    void twoSignersAreEnoughWhenOneIsTrusted() throws Exception {
        assertThat(refusal(keys.sign(signed, "stranger"))).isEqualTo("none");
        assertThat(refusal(keys.sign(keys.sign(plain, "stranger"), "late"))).isNotEqualTo("none");
        // An entry that only the stranger signed is not the vendor's.
        Path grown = keys.sign(changed(signed, Map.of("vendor/More.class", Optional.of("evil"))), "stranger");
        assertThat(refusal(grown)).contains("CN=stranger").contains("does not know");
    }

    @Test
    void theCertificateMustBeValidToday() throws Exception {
        assertThat(refusal(keys.sign(plain, "late"))).startsWith("the certificate of CN=late (SHA-256 ").contains("expired on 20")
                .contains("signed anew");
        assertThat(refusal(keys.sign(plain, "early"))).startsWith("the certificate of CN=early").contains("valid only from 20");
        Date later = Date.from(Instant.now().plus(Duration.ofDays(400)));
        assertThat(SignedJar.verify(signed, trusted, later).refusal().orElse("")).contains("CN=vendor").contains("expired on 20");
    }

    @Test
    void whomATrustedAuthorityCertifiedForCodeIsBelieved() throws Exception {
        assertThat(refusal(keys.sign(plain, "coder"), trustingAuthority)).isEqualTo("none");
        assertThat(refusal(keys.sign(plain, "webserver"), trustingAuthority)).startsWith("signed by CN=webserver")
                .contains("not good for that");
        assertThat(refusal(keys.sign(plain, "vendor"), trustingAuthority)).contains("CN=vendor").contains("does not know");
        Date later = Date.from(Instant.now().plus(Duration.ofDays(100)));
        assertThat(SignedJar.verify(keys.sign(plain, "coder"), trustingAuthority, later).refusal().orElse(""))
                .startsWith("the certificate of CN=coder").contains("expired on 20");
    }

    @Test
    void aCertificateThatIsNoAuthoritysCertifiesNobody() throws Exception {
        keys.make("pretender", "-signer", "vendor", "-validity", "90");
        assertThat(refusal(keys.sign(plain, "pretender"))).startsWith("signed by CN=pretender").contains("does not know");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "no jar", "PK\u0003\u0004"})
    void whatIsNoJarIsRefused(String content) throws IOException {
        assertThat(refusal(Files.writeString(folder.resolve("broken.jar"), content))).startsWith("it cannot be read as a jar");
    }

    @Test
    void aJarCutAnywhereIsRefusedAndThrowsNothing() throws IOException {
        byte[] whole = Files.readAllBytes(signed);
        Path cut = folder.resolve("cut.jar");
        for (int length = 0; length < whole.length; length += 97) {
            Files.write(cut, Arrays.copyOf(whole, length));
            assertThat(refusal(cut)).as("the first %d bytes", length).isNotEqualTo("none");
        }
    }

    @Test
    void anyFlippedByteIsRefusedOrDoesNotMatter() throws IOException {
        byte[] whole = Files.readAllBytes(signed);
        Path flipped = folder.resolve("flipped.jar");
        for (int at = 0; at < whole.length; at += 13) {
            byte[] bytes = whole.clone();
            bytes[at] ^= 0x20;
            Files.write(flipped, bytes);
            if (refusal(flipped).equals("none")) {
                // Then it is in a field of the archive that says nothing of the contents.
                try (ZipFile before = new ZipFile(signed.toFile()); ZipFile after = new ZipFile(flipped.toFile())) {
                    for (String name : new String[] {JarFile.MANIFEST_NAME, CLASS, "vendor/text.properties"}) {
                        assertThat(after.getInputStream(after.getEntry(name)).readAllBytes()).as("%s, byte %d", name, at)
                                .isEqualTo(before.getInputStream(before.getEntry(name)).readAllBytes());
                    }
                    assertThat(after.size()).isEqualTo(before.size());
                }
            }
        }
    }

    @Test
    void whatIsBehindTheVerifiedBytesOfAnEntryIsNoWayAround() throws IOException {
        Path longer = changed(signed, Map.of("vendor/text.properties", Optional.of("a=b and more")));
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(longer)).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < bytes.capacity() - 46; at++) {
            // The entry's record in the archive's directory (APPNOTE.TXT, 4.3.12), and the length of what it holds.
            if (bytes.getInt(at) == 0x02014b50 && bytes.getInt(at + 24) == "a=b and more".length()) {
                bytes.putInt(at + 24, "a=b".length());
            }
        }
        Files.write(longer, bytes.array());
        assertThat(refusal(longer)).startsWith("vendor/text.properties is not as long as the jar's directory says");
    }

    @Test
    void controlCharactersOfANameAreNotPassedOn() throws IOException {
        assertThat(refusal(changed(signed, Map.of("vendor/\u001b[2J\nx.class", Optional.of("evil")))))
                .startsWith("vendor/?[2J?x.class is not signed");
    }

    @Test
    void bothFormatsOfKeyStoresAreRead() throws Exception {
        assertThat(refusal(signed, read(keys.trusting("trust.jks", "JKS", "vendor")))).isEqualTo("none");
    }

    @Test
    void aKeyStoreThatCannotBeUsedTrustsNobodyAndSaysWhy() throws Exception {
        Path none = folder.resolve("none.p12");
        assertThat(refusal(signed, read(none))).contains("CN=vendor").contains("there is no key store " + none);
        assertThat(refusal(plain, read(none))).startsWith("it is not signed, and there is no key store");
        Path junk = Files.writeString(folder.resolve("junk.p12"), "junk");
        // Whatever the umask.
        for (Path store : List.of(junk, keys.own())) {
            Files.setPosixFilePermissions(store, PosixFilePermissions.fromString("rw-r--r--"));
        }
        assertThat(refusal(signed, read(junk))).contains(junk + " cannot be read");
        assertThat(refusal(signed, TrustedSigners.read(folder.resolve("trust.p12"), Optional.of("wrong!"))))
                .contains("cannot be read").contains("hpt.trust.keystore.password");
        assertThat(refusal(signed, read(keys.own()))).contains("holds no trusted certificate");
        Path open = folder.resolve("writable.p12");
        try (OutputStream out = Files.newOutputStream(open)) {
            Files.copy(folder.resolve("trust.p12"), out);
        }
        Files.setPosixFilePermissions(open, PosixFilePermissions.fromString("rw-rw-rw-"));
        assertThat(refusal(signed, read(open))).contains("others than its owner may write to " + open);
    }
}
