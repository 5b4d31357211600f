// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The deploy folder of the distribution, and what hpt plugins tells. */
class DeployTest {
    @TempDir
    private Path folder;
    private Path home;
    private Path deploy;

    @BeforeEach
    void copyDistribution() throws IOException {
        home = new PluginDistribution(folder, Map.of()).home();
        deploy = home.resolve("deploy");
    }

    private void drop(String name, String imports) throws IOException {
        Manifest manifest = new Manifest();
        Attributes main = manifest.getMainAttributes();
        main.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        main.putValue("Bundle-ManifestVersion", "2");
        main.putValue("Bundle-SymbolicName", name);
        main.putValue("Bundle-Version", "1.0.0");
        main.putValue("Import-Package", imports);
        Path made = folder.resolve(name);
        try (OutputStream out = Files.newOutputStream(made)) {
            new JarOutputStream(out, manifest).close();
        }
        Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-r--r--"));
        Files.move(made, deploy.resolve(name + ".jar"));
    }

    private RunningShell shell() {
        return new RunningShell(home, folder.resolve("messages"));
    }

    private static Optional<JsonNode> row(List<JsonNode> rows, String name) {
        return rows.stream().filter(row -> row.get("name").asText().equals(name)).findFirst();
    }

    private static boolean isIn(List<JsonNode> rows, String name, String state) {
        return row(rows, name).filter(row -> row.get("state").asText().equals(state)).isPresent();
    }

    @Test
    void tellsWhatTheDistributionGives() {
        List<JsonNode> rows = Hpt.run("plugins", "--json").rows();
        assertThat(rows).allSatisfy(row -> {
            assertThat(row.get("state").asText()).isEqualTo("active");
            assertThat(row.get("problems").asText()).isEmpty();
        });
        String gives = String.join(", ", rows.stream().map(row -> row.get("gives").asText()).toList());
        assertThat(gives.split(", ")).contains("backend file:", "backend qemu:", "backend xen:", "command ps", "command plugins",
                "profiles folders", "address translation", "identification of kernels", "front end", "importer isf");
        assertThat(gives).contains("decoder ").contains("source of profiles: ");
        assertThat(Hpt.run("plugins", "--all", "--json").rows()).hasSizeGreaterThan(rows.size())
                .anySatisfy(row -> assertThat(row.get("name").asText()).isEqualTo("com.sun.jna"));
    }

    @Test
    void bundlesComeAndGoAndAreWrittenDown() throws IOException {
        try (RunningShell shell = shell()) {
            shell.ask("plugins --json");
            drop("vendor.good", "org.xenhpt.api.guest");
            drop("vendor.lacking", "no.such.pkg");
            List<JsonNode> rows = shell.askUntil("plugins --all --json", "both are installed", answer ->
                    isIn(answer, "vendor.good", "active") && isIn(answer, "vendor.lacking", "unresolved"));
            assertThat(row(rows, "vendor.lacking").orElseThrow().get("problems").asText())
                    .isEqualTo("needs the package no.such.pkg, which no bundle has");
            assertThat(row(rows, "vendor.good").orElseThrow().get("file").asText())
                    .isEqualTo(deploy.resolve("vendor.good.jar").toString());
            Files.delete(deploy.resolve("vendor.good.jar"));
            shell.askUntil("plugins --all --json", "it went", answer -> row(answer, "vendor.good").isEmpty());
            shell.awaitMessage("Bundle vendor.good 1.0.0 uninstalled");
            assertThat(shell.messages()).contains("audit - Bundle vendor.good 1.0.0 installed, from " + deploy)
                    .contains("Bundle vendor.good 1.0.0 started")
                    .doesNotContain("vendor.lacking 1.0.0 started");
        }
    }

    @Test
    void aBundleThatOthersMayWriteToIsNotStarted() throws IOException {
        drop("vendor.open", "org.xenhpt.api.guest");
        Files.setPosixFilePermissions(deploy.resolve("vendor.open.jar"), PosixFilePermissions.fromString("rw-rw-rw-"));
        try (RunningShell shell = shell()) {
            shell.awaitMessage("Bundle vendor.open 1.0.0 is refused and not started: others than its owner may write to");
            assertThat(isIn(shell.ask("plugins --all --json"), "vendor.open", "unresolved")).isTrue();
            assertThat(shell.messages()).contains("chmod go-w " + deploy.resolve("vendor.open.jar"))
                    .doesNotContain("vendor.open 1.0.0 started");
        }
    }

    @Test
    void aFolderThatOthersMayWriteToIsRefused() throws IOException {
        drop("vendor.good", "org.xenhpt.api.guest");
        Files.setPosixFilePermissions(deploy, PosixFilePermissions.fromString("rwxrwxr-x"));
        try (RunningShell shell = shell()) {
            List<JsonNode> rows = shell.ask("plugins --all --json");
            assertThat(row(rows, "vendor.good")).isEmpty();
            assertThat(row(rows, "org.apache.felix.fileinstall")).as("what would look into the folder").isEmpty();
            assertThat(shell.messages()).contains("The deploy folder is refused, no bundle is taken from it")
                    .contains("chmod g-w " + deploy);
        }
        Files.writeString(home.resolve("conf/hpt.properties"), "hpt.trust=any\n");
        try (RunningShell shell = shell()) {
            shell.askUntil("plugins --all --json", "it is taken all the same",
                    answer -> isIn(answer, "vendor.good", "active"));
        }
    }
}
