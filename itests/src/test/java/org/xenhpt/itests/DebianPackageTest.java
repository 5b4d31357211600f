// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.itests.guest.TestGuest;

/** The Debian package: what is in it, and that hpt runs from where it puts it. */
class DebianPackageTest {
    @TempDir
    private static Path folder;
    private static Path tree;
    private static Path control;
    private static Path file;

    @BeforeAll
    static void unpack() throws Exception {
        try (Stream<Path> built = Files.list(TestGuest.project().resolve("launcher/target"))) {
            List<Path> packages = built.filter(each -> each.getFileName().toString().matches("xenhpt_.*_all\\.deb")).toList();
            assertThat(packages).as("packages in launcher/target: mvn package makes one").hasSize(1);
            file = packages.get(0);
        }
        tree = folder.resolve("tree");
        control = folder.resolve("control");
        run(Map.of(), "dpkg-deb", "-x", file.toString(), tree.toString());
        run(Map.of(), "dpkg-deb", "-e", file.toString(), control.toString());
    }

    private static String run(Map<String, String> environment, String... command) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().putAll(environment);
        Path output = Files.createTempFile(folder, "output", "");
        Process process = builder.redirectErrorStream(true).redirectOutput(output.toFile()).start();
        process.getOutputStream().close();
        if (!process.waitFor(5, TimeUnit.MINUTES)) {
            process.destroyForcibly();
            throw new AssertionError(List.of(command) + " hangs");
        }
        String text = Files.readString(output);
        assertThat(process.exitValue()).as(List.of(command) + ": " + text).isZero();
        return text;
    }

    private static String unzipped(String path) throws IOException {
        try (InputStream in = new GZIPInputStream(Files.newInputStream(tree.resolve(path)))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    @Test
    void itsControlFileSaysWhatAptMustKnow() throws Exception {
        Map<String, String> fields = new TreeMap<>();
        for (String line : Files.readAllLines(control.resolve("control"))) {
            if (!line.startsWith(" ")) {
                fields.put(line.substring(0, line.indexOf(':')), line.substring(line.indexOf(':') + 1).strip());
            }
        }
        assertThat(fields).containsEntry("Package", "xenhpt").containsEntry("Architecture", "all")
                .containsEntry("Depends", "default-jre-headless (>= 2:1.17) | java17-runtime-headless")
                .containsEntry("Recommends", "libxenforeignmemory1, libxenmisc4.17 | libxenmisc4.20")
                .containsKeys("Maintainer", "Description", "Section", "Installed-Size");
        assertThat(file.getFileName().toString()).isEqualTo("xenhpt_" + fields.get("Version") + "_all.deb");
        // A version that dpkg finds older than the release that follows it.
        String release = fields.get("Version").replace("~SNAPSHOT", "");
        run(Map.of(), "dpkg", "--compare-versions", fields.get("Version"), "le", release);
    }

    @Test
    void everyConfigurationFileIsMarkedAsOne() throws IOException {
        List<String> marked = Files.readAllLines(control.resolve("conffiles"));
        try (Stream<Path> files = Files.walk(tree.resolve("etc"))) {
            assertThat(files.filter(Files::isRegularFile).map(each -> "/" + tree.relativize(each)).toList())
                    .containsExactlyInAnyOrderElementsOf(marked).isNotEmpty();
        }
    }

    @Test
    void itTellsOfTheSameSettingsAsTheDistribution() throws IOException {
        assertThat(settings(tree.resolve("etc/xenhpt/hpt.properties"), true).stringPropertyNames())
                .isEqualTo(settings(Hpt.home().resolve("conf/hpt.properties"), true).stringPropertyNames());
        Properties set = settings(tree.resolve("etc/xenhpt/hpt.properties"), false);
        assertThat(set).containsEntry("hpt.deploy", "/var/lib/xenhpt/deploy");
        for (String path : (set.getProperty("hpt.profiles") + ":" + set.getProperty("hpt.deploy")).split(":")) {
            assertThat(tree.resolve(path.substring(1))).isDirectory();
        }
    }

    private static Properties settings(Path path, boolean alsoDefaults) throws IOException {
        Properties all = new Properties();
        try (InputStream in = Files.newInputStream(path)) {
            String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            all.load(new java.io.StringReader(alsoDefaults ? text.replaceAll("(?m)^#(\\S+=)", "$1") : text));
        }
        return all;
    }

    @Test
    void filesLieWhereTheyBelong() throws IOException {
        for (String path : List.of("usr/share/xenhpt/bin/hpt", "usr/share/doc/xenhpt/copyright",
                "usr/share/bash-completion/completions/hpt", "usr/share/xenhpt/sample/sample.kdump")) {
            assertThat(tree.resolve(path)).isRegularFile().isNotEmptyFile();
        }
        assertThat(tree.resolve("var/cache/xenhpt")).isEmptyDirectory();
        assertThat(tree.resolve("etc/xenhpt/profiles")).isEmptyDirectory();
        assertThat(Files.readSymbolicLink(tree.resolve("usr/bin/hpt"))).hasToString("../share/xenhpt/bin/hpt");
        assertThat(Files.readSymbolicLink(tree.resolve("usr/share/xenhpt/conf"))).hasToString("/etc/xenhpt");
        assertThat(Files.readSymbolicLink(tree.resolve("usr/share/xenhpt/cache"))).hasToString("/var/cache/xenhpt");
        assertThat(unzipped("usr/share/doc/xenhpt/changelog.gz")).startsWith("xenhpt (");
        assertThat(unzipped("usr/share/man/man1/hpt.1.gz")).contains(".TH HPT 1").contains(".SS \"hpt ps ");
        List<Path> all;
        try (Stream<Path> files = Files.walk(tree)) {
            all = files.toList();
        }
        for (Path path : all) {
            assertThat(path.toString()).as("machine code in a package for all architectures").doesNotEndWith(".so");
            if (!Files.isSymbolicLink(path)) {
                assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(path))).as("mode of %s", path)
                        .isIn(Files.isDirectory(path) || path.endsWith("bin/hpt") ? "rwxr-xr-x" : "rw-r--r--");
            }
        }
        try (Stream<Path> jars = Files.walk(Hpt.home())) {
            assertThat(jars.filter(each -> each.toString().endsWith(".jar")).map(Hpt.home()::relativize))
                    .allSatisfy(jar -> assertThat(tree.resolve("usr/share/xenhpt").resolve(jar)).isRegularFile());
        }
    }

    @Test
    void itsScriptsAreSound() throws Exception {
        for (String script : List.of("postinst", "prerm", "postrm")) {
            Path path = control.resolve(script);
            assertThat(Files.isExecutable(path)).as(script).isTrue();
            assertThat(Files.readString(path)).startsWith("#!/bin/sh\n").contains("set -e");
            run(Map.of(), "sh", "-n", path.toString());
        }
    }

    @Test
    void hptRunsByItsNameInThePath() throws Exception {
        String list = run(Map.of("HPT_NO_ARCHIVE", "1"), tree.resolve("usr/bin/hpt").toString(), "ps");
        assertThat(list).contains("this is the sample image " + tree.toRealPath().resolve("usr/share/xenhpt/sample"))
                .contains("redis-server");
    }

    @Test
    void bashCompletesCommandsAndOptions() throws Exception {
        Path completion = tree.resolve("usr/share/bash-completion/completions/hpt");
        String complete = "compopt() { :; }; . " + completion + "; COMP_WORDS=(hpt %s); COMP_CWORD=%d; _complete_hpt hpt '%s' hpt; "
                + "echo \"${COMPREPLY[@]}\"";
        assertThat(run(Map.of(), "bash", "-c", complete.formatted("''", 1, "")).split("\\s+"))
                .contains("ps", "tree", "identify", "current", "guests", "profile", "help");
        assertThat(run(Map.of(), "bash", "-c", complete.formatted("profile m", 2, "m")).strip()).isEqualTo("make");
        assertThat(run(Map.of(), "bash", "-c", complete.formatted("ps --js", 2, "--js")).strip()).isEqualTo("--json");
    }

    @Test
    void theManualIsReadByMan() throws Exception {
        // Warnings of roff would be printed with the page.
        String warnings = run(Map.of("LC_ALL", "C.UTF-8"), "sh", "-c",
                "gzip -dc '" + tree.resolve("usr/share/man/man1/hpt.1.gz") + "' | nroff -man -ww 2>&1 >/dev/null");
        assertThat(warnings).isEmpty();
    }
}
