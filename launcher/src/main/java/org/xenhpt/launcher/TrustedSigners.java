// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.CodeSigner;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertPathValidatorException.BasicReason;
import java.security.cert.Certificate;
import java.security.cert.CertificateEncodingException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXReason;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Date;
import java.util.HexFormat;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Whose signatures are believed: of whom the operator's key store holds a certificate, and, where that is of an authority,
 * whom it certified for signing code.
 *
 * @param keyStore     where the certificates are from
 * @param certificates the trusted ones
 * @param problem      why there are none; empty when there are some
 */
record TrustedSigners(Path keyStore, Set<X509Certificate> certificates, Optional<String> problem) {
    static final String PROPERTY = "hpt.trust.keystore";
    static final String PASSWORD_PROPERTY = "hpt.trust.keystore.password";

    /** As for the JDK's own store of certificates. It hides nothing: certificates are public. */
    private static final String USUAL_PASSWORD = "changeit";
    private static final String CODE_SIGNING = "1.3.6.1.5.5.7.3.3";
    private static final long MOST_BYTES = 16 << 20;

    TrustedSigners {
        certificates = Set.copyOf(certificates);
    }

    /** Reads a PKCS12 or JKS file. What is wrong with it becomes the problem: then nobody is trusted. */
    static TrustedSigners read(Path keyStore, Optional<String> password) {
        Optional<String> refusal = Trust.SIGNED.refusalOfFile(keyStore);
        if (refusal.isPresent()) {
            return none(keyStore, refusal.get());
        }
        try {
            if (Files.size(keyStore) > MOST_BYTES) {
                return none(keyStore, keyStore + " is too large for a key store");
            }
            Set<X509Certificate> certificates = certificates(Files.readAllBytes(keyStore),
                    password.orElse(USUAL_PASSWORD).toCharArray());
            return certificates.isEmpty() ? none(keyStore, keyStore + " holds no trusted certificate: keytool -importcert"
                    + " puts one there (a key of your own does not count)")
                    : new TrustedSigners(keyStore, certificates, Optional.empty());
        } catch (NoSuchFileException e) {
            return none(keyStore, "there is no key store " + keyStore + ": keytool -importcert makes it, " + PROPERTY
                    + " names another");
        } catch (IOException | GeneralSecurityException e) {
            return none(keyStore, keyStore + " cannot be read: " + Plain.text(String.valueOf(e.getMessage()))
                    + "; it must be PKCS12 or JKS, and " + PASSWORD_PROPERTY + " its password, when that is not "
                    + USUAL_PASSWORD);
        }
    }

    private static TrustedSigners none(Path keyStore, String problem) {
        return new TrustedSigners(keyStore, Set.of(), Optional.of(problem));
    }

    private static Set<X509Certificate> certificates(byte[] file, char[] password)
            throws IOException, GeneralSecurityException {
        // Tells the two formats apart by the first bytes, as the JDK does.
        boolean jks = file.length > 4 && file[0] == (byte) 0xfe && file[1] == (byte) 0xed;
        KeyStore store = KeyStore.getInstance(jks ? "JKS" : "PKCS12");
        store.load(new ByteArrayInputStream(file), password);
        Set<X509Certificate> certificates = new LinkedHashSet<>();
        for (String alias : Collections.list(store.aliases())) {
            if (store.isCertificateEntry(alias) && store.getCertificate(alias) instanceof X509Certificate certificate) {
                certificates.add(certificate);
            }
        }
        return certificates;
    }

    /** Why this signature is not believed on that day; empty when it is. */
    Optional<String> refusal(CodeSigner signer, Date day) {
        List<X509Certificate> path = path(signer);
        if (path.isEmpty()) {
            return Optional.of("its signer has no X.509 certificate");
        }
        X509Certificate own = path.get(0);
        if (problem.isPresent()) {
            return Optional.of("signed by " + named(own) + ", but " + problem.get());
        }
        try {
            if (certificates.contains(own)) {
                own.checkValidity(day);
            } else {
                validate(path, day);
            }
            return Optional.empty();
        } catch (CertificateExpiredException e) {
            return Optional.of(expired(own));
        } catch (CertificateNotYetValidException e) {
            return Optional.of(notYet(own));
        } catch (CertPathValidatorException e) {
            int index = e.getIndex();
            X509Certificate culprit = index >= 0 && index < path.size() ? path.get(index) : own;
            if (e.getReason() == BasicReason.EXPIRED) {
                return Optional.of(expired(culprit));
            } else if (e.getReason() == BasicReason.NOT_YET_VALID) {
                return Optional.of(notYet(culprit));
            } else if (e.getReason() == PKIXReason.NO_TRUST_ANCHOR || e.getReason() == PKIXReason.PATH_TOO_LONG) {
                return Optional.of(unknown(own));
            }
            return Optional.of("signed by " + named(own) + ", whose certificate is not good for that: "
                    + Plain.text(String.valueOf(e.getMessage())));
        } catch (GeneralSecurityException | IOException e) {
            return Optional.of("signed by " + named(own) + ", whose certificate cannot be checked: "
                    + Plain.text(String.valueOf(e.getMessage())));
        }
    }

    private void validate(List<X509Certificate> path, Date day) throws GeneralSecurityException, IOException {
        // The JDK would take any trusted certificate for one of an authority: a vendor could make others trusted.
        Set<TrustAnchor> anchors = certificates.stream().filter(each -> each.getBasicConstraints() >= 0)
                .map(each -> new TrustAnchor(each, null)).collect(Collectors.toSet());
        if (anchors.isEmpty()) {
            throw new CertPathValidatorException("no authority is trusted", null, null, -1, PKIXReason.NO_TRUST_ANCHOR);
        }
        PKIXParameters parameters = new PKIXParameters(anchors);
        parameters.setDate(day);
        // hpt must work where there is no network. Whom the operator no longer trusts he takes out of the key store.
        parameters.setRevocationEnabled(false);
        // An authority's certificate for, say, a web server is none to sign code with.
        X509CertSelector forCode = new X509CertSelector();
        forCode.setExtendedKeyUsage(Set.of(CODE_SIGNING));
        forCode.setKeyUsage(new boolean[] {true});
        parameters.setTargetCertConstraints(forCode);
        CertPathValidator.getInstance("PKIX").validate(
                CertificateFactory.getInstance("X.509").generateCertPath(upToAnchor(path)), parameters);
    }

    /** The path as the validator wants it: without the anchor. */
    private List<X509Certificate> upToAnchor(List<X509Certificate> path) {
        List<X509Certificate> below = new ArrayList<>();
        for (X509Certificate each : path) {
            if (certificates.contains(each) && each.getBasicConstraints() >= 0) {
                break;
            }
            below.add(each);
        }
        return below;
    }

    private static List<X509Certificate> path(CodeSigner signer) {
        List<X509Certificate> path = new ArrayList<>();
        for (Certificate certificate : signer.getSignerCertPath().getCertificates()) {
            if (certificate instanceof X509Certificate x509) {
                path.add(x509);
            }
        }
        return path;
    }

    private String unknown(X509Certificate certificate) {
        return "signed by " + named(certificate) + ", whom " + keyStore + " does not know: if you trust them, add their"
                + " certificate there with keytool -importcert, and touch the bundle";
    }

    private static String expired(X509Certificate certificate) {
        return "the certificate of " + named(certificate) + ", which it is signed with, expired on "
                + certificate.getNotAfter().toInstant() + ": it must be signed anew with one that is valid (when it was"
                + " signed does not matter)";
    }

    private static String notYet(X509Certificate certificate) {
        return "the certificate of " + named(certificate) + ", which it is signed with, is valid only from "
                + certificate.getNotBefore().toInstant() + " on";
    }

    /** Who signed, in words. */
    static String named(CodeSigner signer) {
        return path(signer).stream().findFirst().map(TrustedSigners::named).orElse("somebody without a certificate");
    }

    private static String named(X509Certificate certificate) {
        return Plain.text(certificate.getSubjectX500Principal().getName()) + " (SHA-256 " + fingerprint(certificate) + ")";
    }

    /** As keytool prints it. */
    static String fingerprint(X509Certificate certificate) {
        try {
            return HexFormat.ofDelimiter(":").withUpperCase().formatHex(
                    MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded()));
        } catch (CertificateEncodingException e) {
            return "unknown";
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
