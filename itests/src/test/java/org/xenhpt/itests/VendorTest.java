// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.xenhpt.itests.guest.TestGuest;
import org.xenhpt.itests.vendor.VendorMaven;
import org.xenhpt.profiles.FolderProfiles;
import org.xenhpt.testkit.LaidOutLinux;

/**
 * What vendors do: builds outside of this one, which know the published artifacts only, and whose bundles are dropped into the
 * running distribution.
 */
@ResourceLock("maven")
class VendorTest {
    private static final List<String> PUBLISHED = List.of("api", "kit", "testkit", "archetype");
    private static final String SAMPLE = Hpt.home().resolve("sample/sample.kdump").toString();
    private static final int THREAD_SIZE = 8 << 10;

    @TempDir
    private static Path work;
    private static VendorMaven maven;

    @TempDir
    private Path folder;
    private Path deploy;
    private Path profiles;

    @BeforeAll
    static void publish() throws IOException {
        maven = new VendorMaven(work, "vendor");
        maven.publish(PUBLISHED);
    }

    @BeforeEach
    void folders() throws IOException {
        deploy = Files.createDirectory(folder.resolve("deploy"));
        profiles = Files.createDirectory(folder.resolve("profiles"));
        for (Path each : List.of(deploy, profiles)) {
            Files.setPosixFilePermissions(each, PosixFilePermissions.fromString("rwxr-xr-x"));
        }
    }

    private RunningShell shell() {
        return new RunningShell(Hpt.home(), folder.resolve("messages"), Map.of("HPT_JAVA_OPTS", "-Dhpt.deploy=" + deploy
                + " -Dhpt.profiles=" + profiles, "XDG_CACHE_HOME", folder.resolve("cache").toString()));
    }

    /** What the documentation has the newcomer do, word for word. */
    private static String[] documented(String command) throws IOException {
        String line = Files.readAllLines(TestGuest.project().resolve("README.md")).stream().map(String::strip)
                .filter(each -> each.startsWith(command)).findFirst()
                .orElseThrow(() -> new AssertionError("README.md has no line that begins with: " + command));
        return line.replaceFirst(" +#.*", "").substring("mvn ".length())
                // Of this plugin, the one that was tried; without Central's list of all archetypes, of many megabytes.
                .replace("archetype:generate", "org.apache.maven.plugins:maven-archetype-plugin:3.4.1:generate "
                        + "-DarchetypeCatalog=local").split(" +");
    }

    private static Path jar(Path project, String module) throws IOException {
        try (Stream<Path> files = Files.list(project.resolve(module).resolve("target"))) {
            return files.filter(file -> file.toString().endsWith(".jar")).findFirst().orElseThrow();
        }
    }

    /** Drops a bundle into the running platform, and waits until it gives what it should. */
    private void drop(RunningShell shell, Path jar, String gives) throws IOException {
        Path made = Files.copy(jar, folder.resolve(jar.getFileName()));
        Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-r--r--"));
        Files.move(made, deploy.resolve(jar.getFileName()));
        shell.askUntil("plugins --json", jar.getFileName() + " gives " + gives, rows -> rows.stream()
                .anyMatch(row -> row.get("file").asText().equals(deploy.resolve(jar.getFileName()).toString())
                        && row.get("state").asText().equals("active") && row.get("problems").asText().isEmpty()
                        && Arrays.asList(row.get("gives").asText().split(", ")).contains(gives)));
    }

    private static List<String> names(List<JsonNode> tasks) {
        return tasks.stream().map(row -> row.get("name").asText()).toList();
    }

    private static String imports(Path jar) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            return file.getManifest().getMainAttributes().getValue("Import-Package");
        }
    }

    private static LaidOutLinux boot(Path profile) {
        LaidOutLinux linux = new LaidOutLinux(FolderProfiles.ofAnyone(profile.getParent()).read(profile).profile().orElseThrow(),
                THREAD_SIZE, false);
        long init = linux.process(1, linux.initTask(), 0, "init");
        linux.kernelThread(2, linux.initTask(), "kthreadd");
        linux.process(905, linux.process(900, init, 101, "proxyd"), 101, "proxyd-worker");
        return linux;
    }

    @Test
    void aProjectOfTheArchetype() throws IOException, URISyntaxException {
        maven.run(work, documented("mvn -B archetype:generate")).ok();
        Path project = work.resolve("my-hpt");
        VendorMaven.Result built = maven.run(project, "verify").ok();
        assertThat(built.output()).contains("Tests run: ").contains("Running com.example.decoder.MyDecoderTest")
                .contains("Running com.example.backend.MyBackendTest").contains("Running com.example.command.MyCommandTest")
                .contains("Running com.example.profiles.MyProfilesTest");
        assertThat(imports(jar(project, "backend"))).as("any later version that breaks no backend")
                .contains("org.xenhpt.api.guest;version=\"[1.", ",2)\"").doesNotContain("testkit");

        // A newcomer has the sample's own profile, which is asked first: with less in it his decoder would not be used.
        assertThat(Hpt.home().resolve("kernel-profiles-yaml/6.1.0-50-amd64.yaml")).content().contains("static_prio:");

        Path profile = profiles.resolve("3.2.0-33-generic.yaml");
        Files.copy(Path.of(VendorTest.class.getResource("3.2.0-33-generic.yaml").toURI()), profile);
        Path raw = folder.resolve("guest");
        boot(profile).memory().writeTo(raw);
        List<String> plain = names(Hpt.run("ps", "--json").rows());

        try (RunningShell shell = shell()) {
            assertThat(names(shell.ask("ps --json"))).isEqualTo(plain);
            drop(shell, jar(project, "profiles"), "source of profiles: my-hpt");
            drop(shell, jar(project, "decoder"), "decoder my-hpt");
            List<JsonNode> tasks = shell.askUntil("ps --json", "the decoder is used",
                    rows -> names(rows).stream().allMatch(name -> name.matches(".* \\(nice -?\\d+\\)")));
            assertThat(names(tasks).stream().map(name -> name.replaceFirst(" \\(nice -?\\d+\\)$", "")).toList())
                    .isEqualTo(plain);
            // As the kernel makes them, in kernel/workqueue.c and mm/ksm.c.
            assertThat(names(tasks)).anyMatch(name -> name.matches("kworker/.*H.* \\(nice -20\\)"))
                    .contains("init (nice 0)", "ksmd (nice 5)");
            assertThat(shell.ask("identify --explain --json")).as("asked before the guest's own memory").anySatisfy(row ->
                    assertThat(row.get("source").asText() + " " + row.get("outcome").asText()).isEqualTo("my-hpt unknown"));

            drop(shell, jar(project, "backend"), "backend my-hpt:");
            assertThat(names(shell.ask("ps my-hpt:" + raw + " --json")))
                    .containsExactly("init", "kthreadd", "proxyd", "proxyd-worker");

            drop(shell, jar(project, "command"), "command users");
            List<JsonNode> users = shell.ask("users file:" + SAMPLE + " --json");
            assertThat(users.stream().mapToInt(row -> row.get("processes").asInt()).sum()).isEqualTo(plain.size());
            assertThat(users.size()).as("not all of one user").isGreaterThan(1);

            Files.delete(deploy.resolve(jar(project, "decoder").getFileName()));
            shell.askUntil("plugins --json", "it went",
                    rows -> rows.stream().noneMatch(row -> row.get("gives").asText().contains("decoder my-hpt")));
            assertThat(names(shell.ask("ps --json"))).isEqualTo(plain);
        }
    }

    @Test
    void theExampleOfAPatchedKernelInAFormatOfItsOwn() throws IOException {
        Path project = work.resolve("example");
        Path source = TestGuest.project().resolve("itests/example");
        try (Stream<Path> files = Files.walk(source)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path relative = source.relativize(file);
                if (!relative.toString().contains("target")) {
                    Path to = project.resolve(relative);
                    Files.createDirectories(to.getParent());
                    Files.copy(file, to, StandardCopyOption.REPLACE_EXISTING);
                }
            }
        }
        assertThat(maven.run(project, "verify").ok().output()).contains("AcmeBackendTest").contains("AcmeDecoderTest");

        // The guest is made of the layout under the names that the test kit knows, and read under those of the vendor.
        String own = Files.readString(project.resolve("3.2.0-acme.yaml"));
        Path plain = Files.writeString(folder.resolve("plain.yaml"),
                own.replace("acme_name:", "comm:").replace("acme_tasks:", "tasks:"));
        LaidOutLinux linux = boot(plain);
        Path before = folder.resolve("before.snapshot");
        Path guest = folder.resolve("guest.snapshot");
        SnapshotFile.write(before, linux.memory());
        SnapshotFile.write(guest, linux.memory());
        Files.writeString(profiles.resolve("3.2.0-acme.yaml"), own);

        try (RunningShell shell = shell()) {
            drop(shell, jar(project, "backend"), "backend acme:");
            assertThat(shell.ask("identify acme:" + before + " --json")).extracting(row -> row.get("what").asText() + " "
                    + row.get("value").asText()).contains("kernel 3.2.0-acme").noneMatch(row -> row.startsWith("decoder"));
            assertThat(shell.messages()).contains("no member task_struct.");

            drop(shell, jar(project, "decoder"), "decoder acme-3.2");
            assertThat(shell.ask("identify acme:" + guest + " --json")).extracting(row -> row.get("what").asText() + " "
                    + row.get("value").asText()).contains("kernel 3.2.0-acme", "profile 3.2.0-acme", "decoder acme-3.2");
            List<JsonNode> tasks = shell.ask("ps acme:" + guest + " --json");
            assertThat(tasks).extracting(row -> row.get("pid").asInt() + " " + row.get("ppid").asInt() + " "
                    + row.get("uid").asInt() + " " + row.get("name").asText()).containsExactly("1 0 0 init", "2 0 0 kthreadd",
                    "900 1 101 proxyd", "905 900 101 proxyd-worker");
        }
    }
}
