// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.xen;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.xenhpt.itests.guest.TestGuest;

/**
 * A real Xen in emulation, with the built {@code hpt} in its dom0: {@code itests/lab/xenlab}. It is started for the first
 * test that wants it, and ended with the JVM unless it was up before.
 *
 * <p>Bounds are for machines that are far slower than usual; nothing waits for a fixed time.
 */
final class XenLab {
    private static final long BUILD_SECONDS = 1800;
    private static final long UP_SECONDS = 1200;
    /** For one command in dom0. */
    private static final long COMMAND_SECONDS = 600;

    private static XenLab lab;
    private static Throwable failure;

    private String hpt = "";
    private HptShell shell;

    private XenLab() {
    }

    /** The lab, which is up. */
    static synchronized XenLab up() throws IOException {
        if (failure != null) {
            throw new IOException("the lab did not start before", failure);
        }
        if (lab == null) {
            XenLab starting = new XenLab();
            if (!isUp()) {
                Runtime.getRuntime().addShutdownHook(new Thread(XenLab::down));
            }
            try {
                starting.start();
            } catch (IOException | RuntimeException | Error e) {
                failure = e;
                throw e;
            }
            lab = starting;
        }
        return lab;
    }

    private void start() throws IOException {
        if (!isUp()) {
            run(BUILD_SECONDS, "build");
            run(UP_SECONDS, "up");
        }
        Path target = TestGuest.project().resolve("launcher/target");
        List<Path> packages;
        try (Stream<Path> files = Files.list(target)) {
            packages = files.filter(file -> file.toString().endsWith(".deb")).toList();
        }
        if (packages.isEmpty()) {
            run(UP_SECONDS, "put", target.resolve("dist").toString(), "/opt");
            hpt = "/opt/dist/bin/hpt";
        } else {
            run(UP_SECONDS, "install", packages.get(0).toString());
            hpt = "/usr/bin/hpt";
        }
    }

    /** Whether somebody else started it, who may want it longer than these tests. */
    private static boolean isUp() {
        try {
            run(COMMAND_SECONDS, "status");
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static void down() {
        try {
            run(COMMAND_SECONDS, "down");
        } catch (IOException e) {
            System.err.println("left behind: " + e.getMessage());
        }
    }

    /** The Debian release of dom0. */
    static String release() {
        String release = System.getenv("HPT_XEN");
        return release == null || release.isEmpty() ? "bookworm" : release;
    }

    /** Where hpt is in dom0. */
    String hpt() {
        return hpt;
    }

    /** The one hpt that all tests ask: starting one takes tens of seconds here. */
    synchronized HptShell shell() throws IOException {
        if (shell == null || !shell.isAlive()) {
            shell = new HptShell(this);
        }
        return shell;
    }

    /** Runs a command in dom0, and gives what it wrote to standard output; it must succeed. */
    String dom0(String command) throws IOException {
        return run(COMMAND_SECONDS, "ssh", command);
    }

    /** Starts a program of dom0, or another command of xenlab that takes input. */
    Process start(String... arguments) throws IOException {
        return new ProcessBuilder(command(arguments)).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    private static List<String> command(String... arguments) {
        List<String> command = new ArrayList<>(List.of(TestGuest.project().resolve("itests/lab/xenlab").toString(),
                "--release", release()));
        command.addAll(List.of(arguments));
        return command;
    }

    /** Runs xenlab, and gives what it wrote to standard output; it must succeed. */
    static String run(long seconds, String... arguments) throws IOException {
        Path errors = Files.createTempFile("xenlab", ".err");
        try {
            Process process = new ProcessBuilder(command(arguments)).redirectError(errors.toFile()).start();
            process.getOutputStream().close();
            CompletableFuture<String> out = text(process.getInputStream());
            boolean ended = process.waitFor(seconds, TimeUnit.SECONDS);
            if (!ended) {
                process.destroy();
                process.waitFor(10, TimeUnit.SECONDS);
                process.destroyForcibly();
            }
            String said = ended ? out.join() : out.getNow("");
            if (!ended || process.exitValue() != 0) {
                throw new IOException("xenlab " + String.join(" ", arguments)
                        + (ended ? " exited with " + process.exitValue() : " did not end in " + seconds + " s")
                        + ": " + said + Files.readString(errors));
            }
            return said;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        } finally {
            Files.delete(errors);
        }
    }

    private static CompletableFuture<String> text(InputStream in) {
        CompletableFuture<String> text = new CompletableFuture<>();
        Thread reader = new Thread(() -> {
            try (in) {
                text.complete(new String(in.readAllBytes(), StandardCharsets.UTF_8));
            } catch (IOException e) {
                text.completeExceptionally(new UncheckedIOException(e));
            }
        }, "output of xenlab");
        reader.setDaemon(true);
        reader.start();
        return text;
    }

    /** Waits until it is so, and fails after the bound with what {@code seen} tells. */
    static void await(String what, long seconds, BooleanSupplier condition) {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not within " + seconds + " s: " + what);
            }
            try {
                Thread.sleep(500);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted", e);
            }
        }
    }

    /** What tells most when something went wrong: Xen's last messages, and the domains. */
    String state() {
        StringBuilder text = new StringBuilder();
        for (String command : List.of("xl list", "xl dmesg | tail -n 20", "dmesg | tail -n 10", "free -m")) {
            try {
                text.append("\n# ").append(command).append('\n').append(dom0(command));
            } catch (IOException e) {
                text.append(e.getMessage());
            }
        }
        return text.toString();
    }
}
