// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.launcher;

import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipFile;
import jdk.security.jarsigner.JarSigner;

/** Keys as people make them, with the JDK's keytool. */
final class Keys {
    private static final String PASSWORD = "changeit";

    private final Path folder;
    private final Path own;

    Keys(Path folder) {
        this.folder = folder;
        own = folder.resolve("own.p12");
    }

    /** Makes a key and its certificate. */
    void make(String name, String... options) throws Exception {
        List<String> arguments = new ArrayList<>(List.of("-genkeypair", "-keyalg", "EC", "-dname", "CN=" + name, "-alias", name,
                "-keystore", own.toString()));
        arguments.addAll(List.of(options));
        keytool(arguments.toArray(String[]::new));
    }

    /** A key store with the certificates of these. */
    Path trusting(String file, String type, String... names) throws Exception {
        KeyStore made = KeyStore.getInstance(type);
        made.load(null, null);
        KeyStore from = KeyStore.getInstance(own.toFile(), PASSWORD.toCharArray());
        for (String name : names) {
            made.setCertificateEntry(name, from.getCertificate(name));
        }
        Path store = folder.resolve(file);
        try (OutputStream out = Files.newOutputStream(store)) {
            made.store(out, PASSWORD.toCharArray());
        }
        // Whatever the umask: it is refused where others may write to it.
        Files.setPosixFilePermissions(store, PosixFilePermissions.fromString("rw-r--r--"));
        return store;
    }

    Path own() {
        return own;
    }

    private static void keytool(String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-J-XX:TieredStopAtLevel=1"));
        command.addAll(List.of(arguments));
        command.addAll(List.of("-storepass", PASSWORD));
        Path output = Files.createTempFile("keytool", "");
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile()).start();
        if (!process.waitFor(2, TimeUnit.MINUTES) || process.exitValue() != 0) {
            process.destroyForcibly();
            throw new AssertionError(command + ": " + Files.readString(output));
        }
        Files.delete(output);
    }

    /** Signs as jarsigner does. */
    Path sign(Path jar, String name) throws Exception {
        KeyStore store = KeyStore.getInstance(own.toFile(), PASSWORD.toCharArray());
        KeyStore.PrivateKeyEntry key = (KeyStore.PrivateKeyEntry) store.getEntry(name,
                new KeyStore.PasswordProtection(PASSWORD.toCharArray()));
        Path signed = Files.createTempFile(folder, "signed", ".jar");
        try (ZipFile in = new ZipFile(jar.toFile()); OutputStream out = Files.newOutputStream(signed)) {
            new JarSigner.Builder(key).signerName(name.substring(0, Math.min(8, name.length()))).build().sign(in, out);
        }
        return signed;
    }
}
