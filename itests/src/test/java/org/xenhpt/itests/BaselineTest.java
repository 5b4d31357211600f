// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Modifier;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarEntry;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.xenhpt.itests.guest.TestGuest;
import org.xenhpt.itests.vendor.VendorMaven;

/**
 * The versions of the API's packages: a change that breaks vendors' bundles fails the build until it is declared. The build of
 * a copy of {@code bundles/api}, with the project's own pom, is given its present state as the last release, 0.0.9.
 */
@ResourceLock("maven")
class BaselineTest {
    private static final String VERSION = "0.0.9";

    @TempDir
    private Path folder;
    private VendorMaven maven;
    private Path api;

    @BeforeEach
    void release() throws IOException {
        maven = new VendorMaven(folder, "baseline");
        Path released = maven.published().resolve("org/xenhpt/xenhpt-api");
        Path version = Files.createDirectories(released.resolve(VERSION));
        Files.copy(VendorMaven.jar("api"), version.resolve("xenhpt-api-" + VERSION + ".jar"));
        String coordinates = "<groupId>org.xenhpt</groupId><artifactId>xenhpt-api</artifactId>";
        Files.writeString(version.resolve("xenhpt-api-" + VERSION + ".pom"), "<project><modelVersion>4.0.0</modelVersion>"
                + coordinates + "<version>" + VERSION + "</version></project>");
        Files.writeString(released.resolve("maven-metadata.xml"), "<metadata>" + coordinates
                + "<versioning><versions><version>" + VERSION + "</version></versions></versioning></metadata>");

        Path source = TestGuest.project();
        Path copy = folder.resolve("copy");
        api = Files.createDirectories(copy.resolve("bundles/api"));
        Files.copy(source.resolve("pom.xml"), copy.resolve("pom.xml"));
        for (String name : new String[] {"pom.xml", "bnd.bnd"}) {
            Files.copy(source.resolve("bundles/api").resolve(name), api.resolve(name));
        }
        Path main = source.resolve("bundles/api/src/main");
        try (Stream<Path> files = Files.walk(main)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path to = api.resolve("src/main").resolve(main.relativize(file));
                Files.createDirectories(to.getParent());
                Files.copy(file, to);
            }
        }
    }

    private void change(String file, String from, String to) throws IOException {
        Path path = api.resolve("src/main/java/org/xenhpt/api").resolve(file);
        String before = Files.readString(path);
        String after = before.replaceFirst(from, to);
        assertThat(after).isNotEqualTo(before);
        Files.writeString(path, after);
    }

    private VendorMaven.Result build() {
        return maven.run(api, "verify", "-Dmaven.test.skip=true");
    }

    private static List<String> classes(Path jar) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            return file.stream().map(JarEntry::getName).filter(name -> name.endsWith(".class") && !name.endsWith("-info.class"))
                    .toList();
        }
    }

    /** bnd takes an interface that does not say who implements it for one that anybody may. */
    @Test
    void everyExportedInterfaceSaysWhoImplementsIt() throws IOException, ClassNotFoundException {
        List<String> silent = new ArrayList<>();
        int interfaces = 0;
        List<Path> jars = List.of(VendorMaven.jar("api"), VendorMaven.jar("kit"), VendorMaven.jar("testkit"));
        URL[] urls = {jars.get(0).toUri().toURL(), jars.get(1).toUri().toURL(), jars.get(2).toUri().toURL()};
        try (URLClassLoader loader = new URLClassLoader(urls, ClassLoader.getPlatformClassLoader())) {
            for (Path jar : jars) {
                for (String entry : classes(jar)) {
                    Class<?> type = loader.loadClass(entry.replace('/', '.').replaceFirst("\\.class$", ""));
                    if (type.isInterface() && !type.isAnnotation() && Modifier.isPublic(type.getModifiers())) {
                        interfaces++;
                        // The annotations are for build tools: in the class file, and not there when it is run.
                        String code = new String(loader.getResourceAsStream(entry).readAllBytes(), StandardCharsets.ISO_8859_1);
                        if (!code.contains("Lorg/osgi/annotation/versioning/ConsumerType;")
                                && !code.contains("Lorg/osgi/annotation/versioning/ProviderType;")) {
                            silent.add(type.getName());
                        }
                    }
                }
            }
        }
        assertThat(silent).isEmpty();
        assertThat(interfaces).as("that it looked at all").isGreaterThan(15);
    }

    @Test
    void aChangeIsDeclaredOrFailsTheBuild() throws IOException {
        assertThat(build().ok().output()).as("nothing changed").contains("Baseline check succeeded");

        // Backends implement this interface: a method more breaks each of them.
        change("guest/Backend.java", "String scheme\\(\\);",
                "String scheme();\n\n    /** Undeclared. */\n    int undeclared();");
        VendorMaven.Result undeclared = build();
        assertThat(undeclared.exitCode()).as("undeclared").isNotZero();
        assertThat(undeclared.output()).contains("Baseline problems detected")
                .containsPattern("\\* org\\.xenhpt\\.api\\.guest +PACKAGE +MAJOR").contains("undeclared()");

        change("guest/package-info.java", "@Version\\(\"\\d+\\.[\\d.]+\"\\)", "@Version(\"2.0.0\")");
        assertThat(build().ok().output()).as("declared").contains("Baseline check succeeded");
    }
}
