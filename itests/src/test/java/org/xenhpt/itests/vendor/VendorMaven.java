// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.vendor;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.xenhpt.itests.guest.TestGuest;

/**
 * Maven as a vendor runs it: what it knows of XenHPT comes from a repository that was published to, or not at all. Its local
 * repository is its own; others' artifacts are taken from the user's, as far as they are there, and else from where Maven
 * always gets them.
 */
public final class VendorMaven {
    private static final long MINUTES = 8;
    private static final String SETTINGS = """
            <settings>
              <profiles>
                <profile>
                  <id>vendor</id>
                  <repositories>
            %1$s
                  </repositories>
                  <pluginRepositories>
            %2$s
                  </pluginRepositories>
                </profile>
              </profiles>
              <activeProfiles>
                <activeProfile>vendor</activeProfile>
              </activeProfiles>
            </settings>
            """;

    private final Path local;
    private final Path settings;
    private final Path published;

    /** What a run of Maven came to. */
    public record Result(List<String> command, int exitCode, String output) {
        /** @throws AssertionError when it failed */
        public Result ok() {
            if (exitCode != 0) {
                throw new AssertionError(this);
            }
            return this;
        }

        @Override
        public String toString() {
            return String.join(" ", command) + " exited with " + exitCode + "\n" + output;
        }
    }

    /**
     * @param folder to work in
     * @param name   of the local repository, which outlives the test, so that the next one need not download
     */
    public VendorMaven(Path folder, String name) throws IOException {
        published = Files.createDirectories(folder.resolve("published"));
        local = Files.createDirectories(TestGuest.project().resolve("itests/target/maven-" + name));
        // Nothing of ours is there but what this test publishes.
        deleteAll(local.resolve("org/xenhpt"));
        Path cached = Path.of(System.getProperty("localRepository",
                Path.of(System.getProperty("user.home"), ".m2/repository").toString()));
        List<String> plain = List.of(repository("repository", "published", published, true),
                repository("repository", "cached", cached, false));
        settings = Files.writeString(folder.resolve("settings.xml"), SETTINGS.formatted(String.join("", plain),
                plain.stream().map(each -> each.replace("repository>", "pluginRepository>")).collect(Collectors.joining())));
    }

    private static String repository(String tag, String id, Path folder, boolean snapshots) {
        // Of this project there are but snapshots: they never come from the user's own repository.
        // A local repository keeps no checksums.
        return ("<%s><id>%s</id><url>%s</url><releases><checksumPolicy>ignore</checksumPolicy></releases>"
                + "<snapshots><enabled>%s</enabled></snapshots></%s>%n").formatted(tag, id, folder.toUri(), snapshots, tag);
    }

    private static void deleteAll(Path folder) throws IOException {
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
            }
        }
    }

    /** The repository that is published to. */
    public Path published() {
        return published;
    }

    /**
     * Runs Maven. The settings of the user are in force, as always; those of the installation give way to this one's.
     * Where a download broke off, it is run once more: that tells of the network, not of this project.
     */
    public Result run(Path folder, String... words) {
        Result first = runOnce(folder, words);
        if (first.exitCode() == 0 || !first.output().contains("Could not transfer")) {
            return first;
        }
        System.out.println("A download failed, so once more: " + first);
        return runOnce(folder, words);
    }

    private Result runOnce(Path folder, String... words) {
        List<String> command = new ArrayList<>(List.of("mvn", "-B", "-ntp", "-Dstyle.color=never", "-gs", settings.toString(),
                "-Dmaven.repo.local=" + local));
        command.addAll(List.of(words));
        Path output = settings.resolveSibling("maven.log");
        try {
            Process process = new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true)
                    .redirectOutput(output.toFile()).redirectInput(new File("/dev/null"))
                    .start();
            if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
                process.destroyForcibly();
                throw new AssertionError(command + " hangs: " + Files.readString(output));
            }
            return new Result(command, process.exitValue(), Files.readString(output));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** Publishes artifacts as they were built, with Maven's own plugin for it. */
    public void publish(List<String> artifacts) throws IOException {
        Path project = TestGuest.project();
        StringBuilder executions = new StringBuilder(execution(project.resolve("pom.xml"), project.resolve("pom.xml"), 0));
        for (String artifact : artifacts) {
            Path module = project.resolve("bundles").resolve(artifact);
            executions.append(execution(jar(artifact), module.resolve("pom.xml"), executions.length()));
        }
        Path folder = Files.createDirectories(settings.resolveSibling("publishing"));
        Files.writeString(folder.resolve("pom.xml"), """
                <project>
                  <modelVersion>4.0.0</modelVersion>
                  <groupId>none</groupId>
                  <artifactId>publishing</artifactId>
                  <version>1</version>
                  <packaging>pom</packaging>
                  <build>
                    <plugins>
                      <plugin>
                        <groupId>org.apache.maven.plugins</groupId>
                        <artifactId>maven-deploy-plugin</artifactId>
                        <version>3.1.4</version>
                        <executions>%s</executions>
                      </plugin>
                    </plugins>
                  </build>
                </project>
                """.formatted(executions));
        run(folder, "-q", "process-sources").ok();
    }

    private String execution(Path file, Path pom, int number) {
        return """
                <execution>
                  <id>file-%d</id>
                  <phase>process-sources</phase>
                  <goals><goal>deploy-file</goal></goals>
                  <configuration>
                    <file>%s</file>
                    <pomFile>%s</pomFile>
                    <url>%s</url>
                    <repositoryId>published</repositoryId>
                  </configuration>
                </execution>
                """.formatted(number, file, pom, published.toUri());
    }

    /** The jar of one of the bundles, as it was built. */
    public static Path jar(String artifact) throws IOException {
        Path target = TestGuest.project().resolve("bundles").resolve(artifact).resolve("target");
        try (Stream<Path> files = Files.list(target)) {
            String name = "xenhpt-" + artifact + "-[\\d.]+(-SNAPSHOT)?\\.jar";
            return files.filter(file -> file.getFileName().toString().matches(name)).findFirst()
                    .orElseThrow(() -> new AssertionError("build the project first: there is no jar in " + target));
        }
    }
}
