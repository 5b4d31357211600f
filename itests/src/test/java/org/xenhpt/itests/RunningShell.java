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
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** A shell of hpt that stays up while its surroundings change. */
final class RunningShell implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int SECONDS = 120;

    private final Process process;
    private final OutputStream commands;
    private final JsonParser answers;
    private final Path messages;

    /** @param home a distribution */
    RunningShell(Path home, Path messages, String... arguments) {
        this.messages = messages;
        List<String> command = new ArrayList<>(List.of(home.resolve("bin/hpt").toString()));
        command.addAll(Arrays.asList(arguments));
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectError(messages.toFile());
            builder.environment().put("HPT_LOG", "info");
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
        return find(command).orElseThrow(() -> new AssertionError("'" + command + "' was not answered; it said "
                + messages()));
    }

    /** Runs a command that may answer with one JSON array, or else says why not. */
    Optional<List<JsonNode>> find(String command) {
        CompletableFuture<Optional<List<JsonNode>>> answer = new CompletableFuture<>();
        Thread reader = new Thread(() -> {
            try {
                // The answer to the second command is known: what comes before it is the first one's.
                commands.write((command + "\nhelp exit-codes --json\n").getBytes(StandardCharsets.UTF_8));
                commands.flush();
                List<JsonNode> first = next();
                Optional<List<JsonNode>> found = isExitCodes(first) ? Optional.empty() : Optional.of(first);
                if (found.isPresent() && !isExitCodes(next())) {
                    throw new IOException("more than one array");
                }
                answer.complete(found);
            } catch (IOException | RuntimeException e) {
                answer.completeExceptionally(e);
            }
        }, "answer of hpt");
        reader.setDaemon(true);
        reader.start();
        try {
            return answer.get(SECONDS, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError("'" + command + "' was not answered; it said " + messages(), e);
        }
    }

    private List<JsonNode> next() throws IOException {
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

    /** Asks until the answer is as wanted. */
    List<JsonNode> askUntil(String command, String what, Predicate<List<JsonNode>> wanted) {
        Instant end = Instant.now().plusSeconds(SECONDS);
        while (true) {
            List<JsonNode> answer = ask(command);
            if (wanted.test(answer)) {
                return answer;
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
