// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.osgi.framework.BundleActivator;
import org.osgi.framework.BundleContext;

/** With hpt.trust=signed, which bundles of the deploy folder are run; with the JDK's own tools, as the manual tells it. */
class SignedBundlesTest {
    /** Leaves a file behind when it is run. */
    public static final class Marker implements BundleActivator {
        @Override
        public void start(BundleContext context) {
            try {
                Files.createFile(Path.of(context.getProperty("hpt.home"), "ran-" + context.getBundle().getSymbolicName()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void stop(BundleContext context) {
            // What it left is what it is here for.
        }
    }

    private static final String MARKER = Marker.class.getName().replace('.', '/') + ".class";

    @TempDir
    private static Path keys;
    private static Path store;

    @TempDir
    private Path folder;
    private Path home;
    private Path deploy;

    @BeforeAll
    static void makeKeys() throws Exception {
        Files.setPosixFilePermissions(keys, PosixFilePermissions.fromString("rwx------"));
        store = keys.resolve("trust.p12");
        make("vendor", "-validity", "365");
        make("late", "-startdate", "-10d", "-validity", "5");
        make("stranger", "-validity", "365");
        trust("vendor");
        trust("late");
    }

    private static void make(String name, String... validity) throws Exception {
        List<String> command = new ArrayList<>(List.of("keytool", "-genkeypair", "-keyalg", "EC", "-dname", "CN=" + name, "-alias",
                name, "-keystore", keys.resolve("own.p12").toString(), "-storepass", "changeit"));
        command.addAll(List.of(validity));
        run(command);
    }

    private static void trust(String name) throws Exception {
        Path certificate = keys.resolve(name + ".pem");
        run(List.of("keytool", "-exportcert", "-rfc", "-alias", name, "-keystore", keys.resolve("own.p12").toString(), "-storepass",
                "changeit", "-file", certificate.toString()));
        run(List.of("keytool", "-importcert", "-noprompt", "-alias", name, "-file", certificate.toString(), "-keystore",
                store.toString(), "-storepass", "changeit"));
    }

    private static String run(List<String> command) throws Exception {
        List<String> all = new ArrayList<>(command);
        all.set(0, Path.of(System.getProperty("java.home"), "bin", command.get(0)).toString());
        Path output = Files.createTempFile(keys, "output", "");
        Process process = new ProcessBuilder(all).redirectErrorStream(true).redirectOutput(output.toFile()).start();
        if (!process.waitFor(2, TimeUnit.MINUTES)) {
            process.destroyForcibly();
        }
        String text = Files.readString(output);
        assertThat(process.exitValue()).as("%s: %s", all, text).isZero();
        return text;
    }

    @BeforeEach
    void copyDistribution() throws IOException {
        home = new PluginDistribution(folder, Map.of("hpt.trust", "signed")).home();
        deploy = home.resolve("deploy");
        Files.copy(store, home.resolve("conf/trust.p12"), StandardCopyOption.COPY_ATTRIBUTES);
    }

    private Path bundle(String name, String version, Map<String, String> headers) throws IOException {
        Manifest manifest = new Manifest();
        Attributes main = manifest.getMainAttributes();
        main.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        main.putValue("Bundle-ManifestVersion", "2");
        main.putValue("Bundle-SymbolicName", name);
        main.putValue("Bundle-Version", version);
        headers.forEach(main::putValue);
        Path jar = folder.resolve(name + ".jar");
        try (OutputStream out = Files.newOutputStream(jar); JarOutputStream entries = new JarOutputStream(out, manifest);
                InputStream code = Marker.class.getResourceAsStream("/" + MARKER)) {
            entries.putNextEntry(new ZipEntry(MARKER));
            code.transferTo(entries);
            entries.putNextEntry(new ZipEntry("vendor/text.properties"));
            entries.write("a=b".getBytes(StandardCharsets.UTF_8));
        }
        return jar;
    }

    private Path bundle(String name) throws IOException {
        return bundle(name, "1.0.0", Map.of("Bundle-Activator", Marker.class.getName(), "Import-Package", "org.osgi.framework"));
    }

    private static Path signed(Path jar, String by) throws Exception {
        run(List.of("jarsigner", "-keystore", keys.resolve("own.p12").toString(), "-storepass", "changeit", jar.toString(), by));
        return jar;
    }

    /** The same jar with other entries: those that are empty are left out, those that were not there are added. */
    private Path changed(Path jar, Map<String, String> changes) throws IOException {
        Path changed = folder.resolve("changed-" + jar.getFileName());
        try (ZipFile in = new ZipFile(jar.toFile()); ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(changed))) {
            for (ZipEntry entry : Collections.list(in.entries())) {
                String change = changes.get(entry.getName());
                if (change == null || !change.isEmpty()) {
                    out.putNextEntry(new ZipEntry(entry.getName()));
                    out.write(change == null ? in.getInputStream(entry).readAllBytes() : change.getBytes(StandardCharsets.UTF_8));
                }
            }
            for (Map.Entry<String, String> change : changes.entrySet()) {
                if (in.getEntry(change.getKey()) == null) {
                    out.putNextEntry(new ZipEntry(change.getKey()));
                    out.write(change.getValue().getBytes(StandardCharsets.UTF_8));
                }
            }
        }
        return changed;
    }

    private void drop(String name, Path jar) throws IOException {
        drop(name, jar, "rw-r--r--");
    }

    private void drop(String name, Path jar, String permissions) throws IOException {
        Path staged = folder.resolve("staged");
        Files.copy(jar, staged);
        Files.setPosixFilePermissions(staged, PosixFilePermissions.fromString(permissions));
        Files.move(staged, deploy.resolve(name + ".jar"), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static JsonNode row(List<JsonNode> rows, String name) {
        return rows.stream().filter(row -> row.get("name").asText().equals(name)).findFirst()
                .orElseThrow(() -> new AssertionError("no " + name + " in " + rows));
    }

    private static boolean isIn(List<JsonNode> rows, String name, String state) {
        return rows.stream().anyMatch(row -> row.get("name").asText().equals(name) && row.get("state").asText().equals(state));
    }

    private void assertRefused(List<JsonNode> rows, String messages, String name, String why) {
        assertThat(row(rows, name).get("state").asText()).as(name).isEqualTo("unresolved");
        assertThat(row(rows, name).get("problems").asText()).as(name).startsWith("refused: ").contains(why);
        assertThat(messages).contains("Bundle " + name + " 1.0.0 is refused and not started: ")
                .doesNotContain("Bundle " + name + " 1.0.0 started");
        assertThat(home.resolve("ran-" + name)).as("what its code would leave").doesNotExist();
    }

    @Test
    void onlyWhatATrustedKeySignedIsRun() throws Exception {
        Path right = signed(bundle("right"), "vendor");
        drop("right", right);
        drop("wrong", signed(bundle("wrong"), "stranger"));
        drop("expired", signed(bundle("expired"), "late"));
        drop("unsigned", bundle("unsigned"));
        drop("tampered", changed(signed(bundle("tampered"), "vendor"), Map.of("vendor/text.properties", "a=c")));
        drop("added", changed(signed(bundle("added"), "vendor"), Map.of("vendor/More.class", "evil")));
        drop("stripped", changed(signed(bundle("stripped"), "vendor"), Map.of("META-INF/VENDOR.SF", "", "META-INF/VENDOR.EC", "")));
        // Code that would get into a bundle of the distribution.
        drop("fragment", bundle("fragment", "1.0.0", Map.of("Fragment-Host", "org.xenhpt.backend-xen")));
        try (RunningShell shell = new RunningShell(home, folder.resolve("messages"))) {
            List<JsonNode> rows = shell.askUntil("plugins --all --json", "the right one is active, the others are refused",
                    answer -> isIn(answer, "right", "active") && List.of("wrong", "expired", "unsigned", "tampered", "added",
                            "stripped", "fragment").stream().allMatch(name -> answer.stream().anyMatch(row -> row.get("name")
                                    .asText().equals(name) && row.get("problems").asText().startsWith("refused: "))));
            shell.awaitMessage("Bundle right 1.0.0 started");
            String messages = shell.messages();
            assertThat(home.resolve("ran-right")).exists();
            assertRefused(rows, messages, "wrong", "signed by CN=stranger (SHA-256 " + fingerprint("stranger") + "), whom "
                    + home.resolve("conf/trust.p12") + " does not know");
            assertRefused(rows, messages, "expired", "the certificate of CN=late (SHA-256 " + fingerprint("late"));
            assertRefused(rows, messages, "expired", "expired on 20");
            assertRefused(rows, messages, "unsigned", "it is not signed");
            assertRefused(rows, messages, "tampered", "vendor/text.properties was changed after it was signed");
            assertRefused(rows, messages, "added", "vendor/More.class is not signed");
            assertRefused(rows, messages, "stripped", "it is not signed");
            assertRefused(rows, messages, "fragment", "it is not signed");
            String digest = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(right)));
            String audit = ", from " + deploy.resolve("right.jar") + ", SHA-256 " + digest + ", signed by CN=vendor (SHA-256 "
                    + fingerprint("vendor") + "), by " + System.getProperty("user.name");
            assertThat(messages).contains("Bundle right 1.0.0 installed" + audit).contains("Bundle right 1.0.0 started" + audit);

            // The same bundle, with a class that others put there: not even the old one is run any more.
            drop("right", changed(right, Map.of(MARKER, "evil")));
            shell.askUntil("plugins --all --json", "the changed one is refused", answer -> row(answer, "right").get("problems")
                    .asText().startsWith("refused: " + MARKER + " was changed after it was signed"));
            shell.awaitMessage("Bundle right 1.0.0 updated, from " + deploy.resolve("right.jar"));
            Files.delete(deploy.resolve("wrong.jar"));
            shell.askUntil("plugins --all --json", "it went", answer -> answer.stream()
                    .noneMatch(row -> row.get("name").asText().equals("wrong")));
            shell.awaitMessage("Bundle wrong 1.0.0 uninstalled, from " + deploy.resolve("wrong.jar"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"signed", "owner"})
    void theDistributionsBundlesAndTheFrameworkAreNoWayAround(String trust) throws Exception {
        Files.writeString(home.resolve("conf/hpt.properties"), "hpt.trust=" + trust + "\n");
        String permissions = trust.equals("signed") ? "rw-r--r--" : "rw-rw-rw-";
        try (RunningShell shell = new RunningShell(home, folder.resolve("messages"))) {
            String decoder = "org.xenhpt.decoder-linux-6.2";
            JsonNode before = row(shell.ask("plugins --all --json"), decoder);
            assertThat(before.get("state").asText()).isEqualTo("active");
            // Of the same name and version as one that is there, so that it is taken as that one's new content.
            drop("replacing", bundle(decoder, before.get("version").asText(), Map.of("Bundle-Activator", Marker.class.getName(),
                    "Import-Package", "org.osgi.framework")), permissions);
            // Part of the framework, which would be run as it is installed.
            drop("extension", bundle("extension", "1.0.0", Map.of("Fragment-Host", "system.bundle;extension:=framework",
                    "ExtensionBundle-Activator", Marker.class.getName())), permissions);
            drop("right", signed(bundle("right"), "vendor"));
            List<JsonNode> rows = shell.askUntil("plugins --all --json", "the right one is active, the other is refused",
                    answer -> isIn(answer, "right", "active") && row(answer, decoder).get("problems").asText().startsWith("refused"));
            assertThat(row(rows, decoder).get("problems").asText()).startsWith("refused: " + (trust.equals("signed")
                    ? "it is not signed" : "others than its owner may write to " + deploy.resolve("replacing.jar")));
            assertThat(rows).noneSatisfy(row -> assertThat(row.get("name").asText()).isEqualTo("extension"));
            assertThat(home.resolve("ran-" + decoder)).doesNotExist();
            assertThat(home.resolve("ran-system.bundle")).doesNotExist();
            assertThat(home.resolve("ran-org.apache.felix.framework")).doesNotExist();
            assertThat(home.resolve("ran-extension")).doesNotExist();
            assertThat(home.resolve("ran-right")).exists();
        }
    }

    @Test
    void withoutAKeyStoreItSaysSoAndRunsNothing() throws Exception {
        Files.delete(home.resolve("conf/trust.p12"));
        drop("right", signed(bundle("right"), "vendor"));
        try (RunningShell shell = new RunningShell(home, folder.resolve("messages"))) {
            List<JsonNode> rows = shell.askUntil("plugins --all --json", "it is refused", answer -> answer.stream().anyMatch(
                    row -> row.get("name").asText().equals("right") && row.get("problems").asText().startsWith("refused")));
            assertRefused(rows, shell.messages(), "right", "there is no key store " + home.resolve("conf/trust.p12"));
            assertThat(shell.messages()).contains("Every bundle of the deploy folder will be refused");
            assertThat(shell.ask("ps --json")).as("the distribution's own bundles").isNotEmpty();
            // What the operator is told to do.
            Files.copy(store, home.resolve("conf/trust.p12"), StandardCopyOption.COPY_ATTRIBUTES);
            Files.setLastModifiedTime(deploy.resolve("right.jar"), FileTime.fromMillis(
                    System.currentTimeMillis() - 5_000));
            shell.askUntil("plugins --all --json", "it is run", answer -> isIn(answer, "right", "active"));
            assertThat(home.resolve("ran-right")).exists();
        }
    }

    /** As keytool prints it. */
    private static String fingerprint(String name) throws Exception {
        String listing = run(List.of("keytool", "-list", "-v", "-alias", name, "-keystore", keys.resolve("own.p12").toString(),
                "-storepass", "changeit"));
        return listing.lines().map(String::strip).filter(line -> line.startsWith("SHA256: ")).findFirst().orElseThrow()
                .substring("SHA256: ".length());
    }
}
