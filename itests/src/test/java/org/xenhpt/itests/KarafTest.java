// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xenhpt.itests.guest.TestGuest;

/** The features file, in an Apache Karaf as it is downloaded: only its ports, a user and the Maven repository are set. */
class KarafTest {
    private static final Path BUILT = TestGuest.project().resolve("launcher/target/karaf");
    private static final int SECONDS = 600;

    @TempDir
    private static Path folder;
    private static Path karaf;
    private static Process server;
    private static int port;

    @BeforeAll
    static void startKarafAndInstall() throws Exception {
        Path archive = TestGuest.project().resolve("itests/target/karaf/apache-karaf.tar.gz");
        run(List.of("tar", "xzf", archive.toString(), "-C", folder.toString(), "--strip-components=1"), 0);
        karaf = folder;
        List<Integer> free = freePorts(3);
        port = free.get(0);
        set("etc/org.apache.karaf.shell.cfg", "sshPort", port);
        set("etc/org.apache.karaf.shell.cfg", "sshHost", "127.0.0.1");
        set("etc/org.apache.karaf.management.cfg", "rmiRegistryPort", free.get(1));
        set("etc/org.apache.karaf.management.cfg", "rmiServerPort", free.get(2));
        // No other repository: nothing that the features file needs may come from elsewhere.
        set("etc/org.ops4j.pax.url.mvn.cfg", "org.ops4j.pax.url.mvn.repositories",
                BUILT.resolve("repository").toUri() + "@id=xenhpt@snapshots");
        // Else what it reads there is copied to the user's own, and is what it reads the next time.
        set("etc/org.ops4j.pax.url.mvn.cfg", "org.ops4j.pax.url.mvn.localRepository", folder.resolve("local"));
        Files.writeString(karaf.resolve("etc/users.properties"),
                "\nkaraf = karaf,_g_:admingroup\n_g_\\:admingroup = group,admin,manager,viewer,systembundles,ssh\n",
                StandardOpenOption.APPEND);
        server = process(List.of(karaf.resolve("bin/karaf").toString(), "server"), "server");
        client(0, "feature:repo-add " + BUILT.resolve("xenhpt-features.xml").toUri() + "; feature:install xenhpt");
    }

    @AfterAll
    static void stop() throws Exception {
        if (server != null) {
            // The script is not all: it is the JVM that it started which writes into the folder until its end.
            List<ProcessHandle> all = new ArrayList<>(server.descendants().toList());
            all.add(server.toHandle());
            all.forEach(ProcessHandle::destroy);
            CompletableFuture<Void> ended = CompletableFuture.allOf(
                    all.stream().map(ProcessHandle::onExit).toArray(CompletableFuture[]::new));
            try {
                ended.get(30, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                all.forEach(ProcessHandle::destroyForcibly);
                ended.get(30, TimeUnit.SECONDS);
            }
        }
    }

    /** Each another one. */
    private static List<Integer> freePorts(int count) throws IOException {
        if (count == 0) {
            return List.of();
        }
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            List<Integer> ports = new ArrayList<>(freePorts(count - 1));
            ports.add(socket.getLocalPort());
            return ports;
        }
    }

    private static void set(String file, String key, Object value) throws IOException {
        Path path = karaf.resolve(file);
        // A value may go on in the next line.
        String text = Files.readString(path).replaceAll("(?m)^" + key.replace(".", "\\.") + "\\s*=.*(\\\\\\n.*)*$", "");
        Files.writeString(path, text + "\n" + key + " = " + value + "\n");
    }

    private static Process process(List<String> command, String output) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(folder.resolve(output).toFile());
        builder.environment().keySet().removeIf(name -> name.startsWith("KARAF_"));
        // It is up for seconds only.
        builder.environment().putAll(Map.of("JAVA_HOME", System.getProperty("java.home"), "HPT_CACHE", "off",
                "EXTRA_JAVA_OPTS", "-XX:TieredStopAtLevel=1"));
        // Its standard input stays open: at its end, Karaf's client would not wait for the answer.
        return builder.start();
    }

    private static String run(List<String> command, int expected) throws Exception {
        Process process = process(command, "output");
        boolean ended = process.waitFor(SECONDS, TimeUnit.SECONDS);
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        String text = Files.readString(folder.resolve("output"));
        assertThat(ended).as("%s ends; it said %s", command, text).isTrue();
        assertThat(process.exitValue()).as("%s said %s\n%s", command, text, log()).isEqualTo(expected);
        return text;
    }

    private static String log() throws IOException {
        Path log = folder.resolve("data/log/karaf.log");
        List<String> lines = Files.exists(log) ? Files.readAllLines(log) : List.of();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 40), lines.size()));
    }

    /** Runs this in Karaf's shell, as its users do; waits until that is there. */
    private static String client(int expected, String commands) throws Exception {
        return run(List.of(karaf.resolve("bin/client").toString(), "-a", String.valueOf(port), "-u", "karaf", "-p", "karaf", "-r",
                "500", "-d", "1", commands), expected);
    }

    private static List<JsonNode> rows(String text) throws IOException {
        int from = text.indexOf('[');
        assertThat(from).as("JSON in %s", text).isNotNegative();
        List<JsonNode> rows = new ArrayList<>();
        new ObjectMapper().readTree(text.substring(from, text.lastIndexOf(']') + 1)).forEach(rows::add);
        return rows;
    }

    @Test
    void allBundlesAreActiveAndLackNothing() throws Exception {
        List<JsonNode> ours = rows(client(0, "hpt:plugins --all --json")).stream()
                .filter(row -> row.get("name").asText().startsWith("org.xenhpt.")).toList();
        assertThat(ours).hasSizeGreaterThan(10).allSatisfy(row -> {
            assertThat(row.get("state").asText()).isEqualTo("active");
            assertThat(row.get("problems").asText()).isEmpty();
        });
        List<String> here = ours.stream().map(row -> row.get("name").asText()).toList();
        List<String> distribution = Hpt.run("plugins", "--all", "--json").rows().stream().map(row -> row.get("name").asText())
                .filter(name -> name.startsWith("org.xenhpt.")).toList();
        assertThat(here).containsAll(distribution).contains("org.xenhpt.gogo");
    }

    @Test
    void theSampleGuestsListIsThatOfTheLauncher() throws Exception {
        String sample = Hpt.home().resolve("sample/sample.kdump").toString();
        List<JsonNode> rows = rows(client(0, "hpt:ps --json " + sample));
        assertThat(rows).isEqualTo(Hpt.run("ps", "--no-cache", "--json", sample).rows()).hasSizeGreaterThan(20);
        assertThat(client(0, "hpt:tree file:" + sample)).contains("redis-server");
    }

    @Test
    void commandsAreHelpedAndFailAsKarafsOwn() throws Exception {
        assertThat(client(0, "hpt:help; hpt:help ps")).contains("Lists the processes of a guest.").contains("identify")
                .contains("--threads");
        assertThat(client(1, "hpt:ps /no/such/image")).contains("/no/such/image").contains("hpt ps ended with exit code");
    }
}
