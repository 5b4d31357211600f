// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.xenhpt.itests.guest.TestGuest;

/** The distribution's {@code hpt}, run as a user runs it: as a process of its own. */
final class Hpt {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long SECONDS = 600;

    /** The distribution, with its archive of classes. */
    private static final class Built {
        static final Path HOME = TestGuest.project().resolve("launcher/target/dist");

        static {
            // Once, and before it is first used: the tests' environment has HPT_NO_ARCHIVE, as two more JVMs that make an
            // archive behind each first command would be the load under which other tests run, and would still write into
            // folders that are removed.
            Result prepared = process(List.of(HOME.resolve("bin/hpt").toString(), "--prepare"), "", Map.of());
            if (prepared.exitCode() != 0) {
                throw new AssertionError("no archive of classes: " + prepared);
            }
        }
    }

    private Hpt() {
    }

    /** What a run of hpt left behind. */
    record Result(List<String> command, int exitCode, String out, String err) {
        /** The one JSON array printed, after a run without complaint. */
        List<JsonNode> rows() {
            ok();
            List<List<JsonNode>> arrays = arrays();
            if (arrays.size() != 1) {
                throw new AssertionError(arrays.size() + " JSON arrays from " + this);
            }
            return arrays.get(0);
        }

        /** The JSON arrays printed, one for each command. */
        List<List<JsonNode>> arrays() {
            List<List<JsonNode>> arrays = new ArrayList<>();
            try (JsonParser values = JSON.createParser(out)) {
                while (values.nextToken() != null) {
                    JsonNode value = values.readValueAsTree();
                    if (!value.isArray()) {
                        throw new AssertionError("not an array: " + value + " from " + this);
                    }
                    List<JsonNode> rows = new ArrayList<>();
                    value.forEach(rows::add);
                    arrays.add(rows);
                }
            } catch (IOException e) {
                throw new AssertionError("no JSON from " + this, e);
            }
            return arrays;
        }

        /** A whole answer: exit code 0, and no warning. */
        Result ok() {
            if (exitCode != 0 || err.contains("warning:")) {
                throw new AssertionError("hpt did not give a whole answer: " + this);
            }
            return this;
        }

        @Override
        public String toString() {
            return command + " exited with " + exitCode + "\nstderr: " + err + "\nstdout: "
                    + (out.length() > 4000 ? out.substring(0, 4000) + " ..." : out);
        }
    }

    static Result run(String... arguments) {
        return start("", List.of(arguments));
    }

    /** Runs these commands, a line each, in one hpt. */
    static Result script(String commands) {
        return start(commands, List.of());
    }

    private static Result start(String input, List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(home().resolve("bin/hpt").toString());
        command.addAll(arguments);
        return process(command, input, Map.of());
    }

    /** @param environment added to that of this process */
    static Result process(List<String> command, String input, Map<String, String> environment) {
        try {
            ProcessBuilder builder = new ProcessBuilder(command);
            builder.environment().putAll(environment);
            Process process = builder.start();
            CompletableFuture<String> out = read(process.getInputStream());
            CompletableFuture<String> err = read(process.getErrorStream());
            try (OutputStream in = process.getOutputStream()) {
                in.write(input.getBytes(StandardCharsets.UTF_8));
            }
            if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError(command + " hangs; it said " + err.join() + out.join());
            }
            return new Result(command, process.exitValue(), out.join(), err.join());
        } catch (IOException e) {
            throw new UncheckedIOException(command + ": build the distribution first", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    private static CompletableFuture<String> read(InputStream in) {
        return CompletableFuture.supplyAsync(() -> {
            try (in) {
                return new String(in.readAllBytes(), StandardCharsets.UTF_8);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }, task -> {
            Thread thread = new Thread(task, "output of hpt");
            thread.setDaemon(true);
            thread.start();
        });
    }

    static Path home() {
        return Built.HOME;
    }
}
