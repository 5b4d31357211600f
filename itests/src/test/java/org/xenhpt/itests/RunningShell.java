// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** A shell of hpt that stays up while its surroundings change. */
final class RunningShell implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** For a machine that is far slower than usual. */
    private static final int SECONDS = 400;

    private final Process process;
    private final OutputStream commands;
    private final JsonParser answers;
    private final Path messages;

    /** @param home a distribution */
    RunningShell(Path home, Path messages, String... arguments) {
        this(home, messages, Map.of(), arguments);
    }

    /** @param environment added to that of this process */
    RunningShell(Path home, Path messages, Map<String, String> environment, String... arguments) {
        this.messages = messages;
        // Whoever is started in the background by a script ignores Ctrl-C, and so does what it starts.
        List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT", home.resolve("bin/hpt").toString()));
        command.addAll(Arrays.asList(arguments));
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectError(messages.toFile());
            builder.environment().put("HPT_LOG", "info");
            builder.environment().putAll(environment);
            process = builder.start();
            commands = process.getOutputStream();
            // Of bytes, the parser would wait for the first ones here, to tell their encoding.
            answers = JSON.createParser(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(command + ": build the distribution first", e);
        }
    }

    /** Runs a command that answers with one JSON array. */
    List<JsonNode> ask(String command) {
        return await(command, SECONDS, () -> {
            tell(command);
            return read();
        });
    }

    /** Runs a command that may answer with one JSON array, or else says why not. */
    Optional<List<JsonNode>> find(String command) {
        return await(command, SECONDS, () -> {
            // The answer to the second command is known: what comes before it is the first one's.
            tell(command + "\nhelp exit-codes --json");
            List<JsonNode> first = read();
            if (isExitCodes(first)) {
                return Optional.empty();
            }
            if (!isExitCodes(read())) {
                throw new IOException("more than one array");
            }
            return Optional.of(first);
        });
    }

    /** Runs a command that answers nothing on standard output. */
    void tell(String command) {
        try {
            commands.write((command + "\n").getBytes(StandardCharsets.UTF_8));
            commands.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(messages(), e);
        }
    }

    /** Reads one more answer of a command that gives several, or of one that was told. */
    List<JsonNode> next() {
        return next(SECONDS);
    }

    /** As {@link #next}, for one that takes its time. */
    List<JsonNode> next(int seconds) {
        return await("one more answer", seconds, this::read);
    }

    private List<JsonNode> read() throws IOException {
        if (answers.nextToken() == null) {
            throw new IOException("hpt ended");
        }
        JsonNode value = answers.readValueAsTree();
        List<JsonNode> rows = new ArrayList<>();
        value.forEach(rows::add);
        return rows;
    }

    private static boolean isExitCodes(List<JsonNode> rows) {
        return !rows.isEmpty() && rows.get(0).has("code") && rows.get(0).has("meaning");
    }

    private <T> T await(String what, int seconds, Callable<T> question) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        Thread reader = new Thread(() -> {
            try {
                answer.complete(question.call());
            } catch (Exception e) {
                answer.completeExceptionally(e);
            }
        }, "answer of hpt");
        reader.setDaemon(true);
        reader.start();
        try {
            return answer.get(seconds, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError("'" + what + "' was not answered; it said " + messages(), e);
        }
    }

    /** Asks until the answer is as wanted. */
    List<JsonNode> askUntil(String command, String what, Predicate<List<JsonNode>> wanted) {
        return until(() -> Optional.of(ask(command)), what, wanted);
    }

    /** As {@link #askUntil}, of a command that may say why it has no answer. */
    List<JsonNode> findUntil(String command, String what, Predicate<List<JsonNode>> wanted) {
        return until(() -> find(command), what, wanted);
    }

    private List<JsonNode> until(Supplier<Optional<List<JsonNode>>> question, String what,
            Predicate<List<JsonNode>> wanted) {
        Instant end = Instant.now().plusSeconds(SECONDS);
        while (true) {
            Optional<List<JsonNode>> answer = question.get();
            if (answer.filter(wanted).isPresent()) {
                return answer.get();
            }
            if (Instant.now().isAfter(end)) {
                throw new AssertionError("still not: " + what + "; the last answer is " + answer + ", it said " + messages());
            }
            pause(Duration.ofMillis(100));
        }
    }

    /** What it wrote to standard error until now. */
    String messages() {
        try {
            return Files.readString(messages);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Waits until it wrote this to standard error. */
    void awaitMessage(String text) {
        Instant end = Instant.now().plusSeconds(SECONDS);
        while (!messages().contains(text)) {
            if (Instant.now().isAfter(end)) {
                throw new AssertionError("it did not say '" + text + "' but " + messages());
            }
            pause(Duration.ofMillis(50));
        }
    }

    static void pause(Duration time) {
        try {
            Thread.sleep(time.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted", e);
        }
    }

    /** Ends it as Ctrl-C does. */
    void interrupt() {
        try {
            new ProcessBuilder("kill", "-INT", String.valueOf(process.pid())).start().waitFor();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        try {
            commands.close();
            if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError("hpt does not end; it said " + messages());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            process.destroyForcibly();
        }
    }
}
