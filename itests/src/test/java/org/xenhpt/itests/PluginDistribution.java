// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.ToolProvider;

/** A copy of the distribution, and bundles that are compiled for it and dropped into its deploy folder. */
final class PluginDistribution {
    private final Path folder;
    private final Path home;

    /**
     * @param folder   where to put it, and what is made for it
     * @param settings of its {@code conf/hpt.properties}, besides a deploy folder that is looked at often
     */
    PluginDistribution(Path folder, Map<String, String> settings) throws IOException {
        this.folder = folder;
        home = folder.resolve("dist");
        try (Stream<Path> files = Files.walk(Hpt.home())) {
            for (Path file : files.toList()) {
                Path relative = Hpt.home().relativize(file);
                // An archive of classes belongs to the folder that it was made for.
                if (!relative.startsWith("cache")) {
                    Files.copy(file, home.resolve(relative.toString()), StandardCopyOption.COPY_ATTRIBUTES);
                }
            }
        }
        Files.createDirectory(home.resolve("cache"));
        Files.setPosixFilePermissions(deploy(), PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.writeString(home.resolve("conf/hpt.properties"), "felix.fileinstall.poll=200\n" + settings.entrySet().stream()
                .map(each -> each.getKey() + "=" + each.getValue() + "\n").collect(Collectors.joining()));
    }

    Path home() {
        return home;
    }

    Path deploy() {
        return home.resolve("deploy");
    }

    Path sample() {
        return home.resolve("sample/sample.kdump");
    }

    /** Removes a bundle of the distribution itself. */
    void without(String bundle) throws IOException {
        try (Stream<Path> files = Files.list(home.resolve("bundles"))) {
            for (Path file : files.filter(each -> each.getFileName().toString().startsWith(bundle)).toList()) {
                Files.delete(file);
            }
        }
    }

    /** The source of a bundle among the resources, with words in it replaced. */
    static String source(String name, Map<String, String> words) {
        try (InputStream in = PluginDistribution.class.getResourceAsStream("plugins/" + name + ".java.txt")) {
            String source = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            for (Map.Entry<String, String> word : words.entrySet()) {
                source = source.replace(word.getKey(), word.getValue());
            }
            return source;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A backend for memory images that calls itself something else. */
    static String backend(String scheme, int ranking) {
        return source("Backend", Map.of("SCHEME", scheme, "RANK", String.valueOf(ranking), "LIVE", "false"));
    }

    /** A decoder that asks those of the distribution. */
    static String decoder(String name, int ranking) {
        return source("Decoder", Map.of("NAME", name, "RANK", String.valueOf(ranking)));
    }

    /**
     * Makes a bundle of the class {@code vendor.NAME.Activator} and those that stand beside it, and drops it.
     *
     * @param source of the class; {@code PKG} in it is its package
     */
    Path drop(String name, String version, String source) throws IOException {
        Path made = make(name, version, source);
        Path jar = deploy().resolve("vendor." + name + ".jar");
        Files.copy(made, folder.resolve("copied"), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.COPY_ATTRIBUTES);
        return Files.move(folder.resolve("copied"), jar, StandardCopyOption.REPLACE_EXISTING,
                StandardCopyOption.ATOMIC_MOVE);
    }

    void remove(String name) throws IOException {
        Files.deleteIfExists(deploy().resolve("vendor." + name + ".jar"));
    }

    /** As {@link #drop}, kept to be dropped later, and made only once. */
    Path make(String name, String version, String source) throws IOException {
        Path made = folder.resolve("made").resolve(name + "-" + version + ".jar");
        if (Files.exists(made)) {
            return made;
        }
        Path sources = Files.createDirectories(folder.resolve("src-" + name + "-" + version));
        Path classes = Files.createDirectories(folder.resolve("classes-" + name + "-" + version));
        Path file = sources.resolve("Activator.java");
        Files.writeString(file, source.replace("PKG", "vendor." + name).replace("VERSION", version));
        List<String> path = new ArrayList<>(List.of(System.getProperty("java.class.path")));
        try (Stream<Path> jars = Files.list(home.resolve("bundles"))) {
            jars.map(Path::toString).filter(jar -> jar.endsWith(".jar")).forEach(path::add);
        }
        int result = ToolProvider.getSystemJavaCompiler().run(null, System.err, System.err, "--release", "17", "-proc:none",
                "-nowarn", "-cp", String.join(":", path), "-d", classes.toString(), file.toString());
        if (result != 0) {
            throw new AssertionError(file + " does not compile");
        }
        Manifest manifest = new Manifest();
        Attributes main = manifest.getMainAttributes();
        main.put(Attributes.Name.MANIFEST_VERSION, "1.0");
        main.putValue("Bundle-ManifestVersion", "2");
        main.putValue("Bundle-SymbolicName", "vendor." + name);
        main.putValue("Bundle-Version", version);
        main.putValue("Bundle-Activator", "vendor." + name + ".Activator");
        main.putValue("Import-Package", Stream.of("decoder", "error", "frontend", "guest", "kernel", "process", "profile",
                "progress", "translation", "command").map(each -> "org.xenhpt.api." + each).collect(Collectors.joining(","))
                + ",org.osgi.framework,org.osgi.framework.wiring,picocli");
        Files.createDirectories(made.getParent());
        try (OutputStream out = Files.newOutputStream(made); JarOutputStream jar = new JarOutputStream(out, manifest);
                Stream<Path> files = Files.walk(classes)) {
            for (Path each : files.filter(Files::isRegularFile).toList()) {
                jar.putNextEntry(new JarEntry(classes.relativize(each).toString()));
                Files.copy(each, jar);
                jar.closeEntry();
            }
        }
        Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rw-r--r--"));
        return made;
    }
}
