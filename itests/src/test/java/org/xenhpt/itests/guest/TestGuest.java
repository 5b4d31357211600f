// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.itests.guest;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.net.ConnectException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A real guest, booted for a test and gone after it. What it runs, and how it is asked, is told in
 * {@code itests/lab/guest-init/init.c}.
 *
 * <p>Bounds are for machines that are far slower than usual; nothing waits for a fixed time.
 */
public final class TestGuest implements AutoCloseable {
    private static final long BOOT_SECONDS = 600;
    private static final long ANSWER_SECONDS = 400;
    private static final long PCI_HOLE = 0xc0000000L;

    /** Software emulation keeps a core busy for each guest, so more at once would only be slower. */
    private static final Semaphore MACHINES = new Semaphore(2);

    /**
     * QEMU asks the kernel to be killed when the thread that started it ends, so that none is left behind when this JVM
     * is killed. So a thread that lives as long as the JVM must start it.
     */
    private static final ExecutorService STARTER = Executors.newSingleThreadExecutor(r -> {
        Thread t = new Thread(r, "QEMU starter");
        t.setDaemon(true);
        return t;
    });

    private static final Set<TestGuest> RUNNING = ConcurrentHashMap.newKeySet();

    static {
        // Their RAM is large, so it must not stay behind when the tests are broken off.
        Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(guest -> {
            try {
                guest.end();
            } catch (IOException e) {
                System.err.println("left behind: " + guest.folder + ": " + e);
            }
        })));
    }

    private final GuestSpec spec;
    private final Path folder;
    private final Process qemu;
    private final Lister lister = new Lister(new Pipe(), ANSWER_SECONDS);
    private Qmp qmp;

    private TestGuest(GuestSpec spec, Path folder, Process qemu) {
        this.spec = spec;
        this.folder = folder;
        this.qemu = qemu;
        RUNNING.add(this);
    }

    /** Boots a guest, and waits until all its processes are up. */
    public static TestGuest boot(GuestSpec spec) throws IOException {
        return begin(spec, List.of());
    }

    /** Lets a guest that was saved go on, and waits until it does. */
    public static TestGuest restore(GuestSpec spec, Path saved) throws IOException {
        return begin(spec, List.of("--incoming", saved.toString()));
    }

    /** Boots a guest that holds a file in its page cache. */
    public static TestGuest holding(Path file, GuestSpec spec) throws IOException {
        return begin(spec, List.of("--hold", file.toString()));
    }

    private static TestGuest begin(GuestSpec spec, List<String> more) throws IOException {
        MACHINES.acquireUninterruptibly();
        TestGuest guest = null;
        try {
            guest = start(spec, more);
            guest.awaitTree();
            return guest;
        } catch (IOException | RuntimeException e) {
            if (guest == null) {
                MACHINES.release();
            } else {
                guest.close();
            }
            throw e;
        }
    }

    private static TestGuest start(GuestSpec spec, List<String> more) throws IOException {
        // Not under target/: the path of a UNIX socket has room for 107 bytes.
        Path run = Files.createTempDirectory("hpt-itest");
        List<String> command = new ArrayList<>(List.of(project().resolve("itests/lab/guest").toString(), "run", "vm"));
        command.addAll(spec.options());
        command.addAll(more);
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
                .redirectOutput(run.resolve("qemu.log").toFile());
        builder.environment().put("HPT_LAB_RUN", run.toString());
        try {
            return new TestGuest(spec, run.resolve("vm"), STARTER.submit(builder::start).get());
        } catch (ExecutionException | InterruptedException e) {
            throw new IOException("cannot start " + command, e);
        }
    }

    /** Where this project lies. */
    public static Path project() {
        return Path.of(System.getProperty("hpt.project", "..")).toAbsolutePath().normalize();
    }

    private void awaitTree() throws IOException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(BOOT_SECONDS);
        while (!Files.exists(folder.resolve("pid")) || !Files.exists(folder.resolve("harness.qmp"))) {
            checkAlive(end, "start");
        }
        lister.read(Files.newBufferedReader(folder.resolve("list.out"), StandardCharsets.ISO_8859_1), folder.toString());
        while (qmp == null) {
            checkAlive(end, "open its QMP socket");
            try {
                qmp = new Qmp(folder.resolve("harness.qmp"));
            } catch (ConnectException e) {
                // QEMU makes the socket before it listens on it.
            }
        }
        lister.awaitReady(BOOT_SECONDS);
    }

    /** The guest's second serial port. */
    private final class Pipe implements Lister.Port {
        @Override
        public void send(String line) throws IOException {
            // For reading, too: else opening a FIFO would wait for ever when QEMU has ended.
            try (RandomAccessFile fifo = new RandomAccessFile(folder.resolve("list.in").toFile(), "rw")) {
                fifo.write((line + "\n").getBytes(StandardCharsets.UTF_8));
            }
        }

        @Override
        public void checkAlive() throws IOException {
            if (!qemu.isAlive()) {
                throw new IOException("QEMU ended: " + log());
            }
        }

        @Override
        public String log() throws IOException {
            return TestGuest.this.log();
        }
    }

    private void checkAlive(long end, String what) throws IOException {
        if (!qemu.isAlive()) {
            throw new IOException("QEMU ended: " + log());
        }
        if (System.nanoTime() > end) {
            throw new IOException("the guest did not " + what + " within its time: " + log()
                    + (qmp == null ? "" : hmp("info registers -a")));
        }
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    private String log() throws IOException {
        StringBuilder text = new StringBuilder(Files.readString(folder.resolveSibling("qemu.log")));
        Path console = folder.resolve("console");
        if (Files.exists(console)) {
            text.append("\nconsole: ").append(new String(Files.readAllBytes(console), StandardCharsets.ISO_8859_1));
        }
        return text.toString();
    }

    /** Asks the guest for its tasks. */
    public TaskList list() throws IOException {
        return lister.list();
    }

    /** Asks the guest how far its counter is. */
    public Lister.Count count() throws IOException {
        return lister.count();
    }

    /** Asks the guest where its kernel lies. */
    public Lister.KernelTruth kernel() throws IOException {
        return lister.kernel();
    }

    /** Lets the threads of {@code hpt.spin} begin, and gives how many there are. */
    public int spin() throws IOException {
        return lister.spin();
    }

    public GuestSpec spec() {
        return spec;
    }

    /** How hpt names this guest. */
    public String uri() {
        return "qemu:" + socket();
    }

    /** The QMP socket that hpt uses. */
    public Path socket() {
        return folder.resolve("qmp");
    }

    /** The tests' own QMP connection. */
    public Qmp qmp() {
        return qmp;
    }

    /** Runs a command of QEMU's human monitor. */
    public String hmp(String command) throws IOException {
        return qmp.execute("human-monitor-command", Map.of("command-line", command)).asText();
    }

    /** The release of the kernel that was booted. */
    public String release() throws IOException {
        return release(spec.kernel());
    }

    /** The release of a kernel in the lab. */
    public static String release(String kernel) throws IOException {
        return Files.readString(lab().resolve("kernels").resolve(kernel).resolve("release")).strip();
    }

    private static Path lab() {
        // As the lab's scripts do it. Java's user.home is of the password file, whatever HOME says.
        return set("HPT_LAB").map(Path::of).orElseGet(() -> set("XDG_CACHE_HOME").map(Path::of)
                .orElseGet(() -> Path.of(set("HOME").orElse("/root"), ".cache")).resolve("xenhpt/lab"));
    }

    private static Optional<String> set(String variable) {
        return Optional.ofNullable(System.getenv(variable)).filter(value -> !value.isEmpty());
    }

    /** Presses the guest's reset button. It does not clear RAM. */
    public synchronized void reset() throws IOException {
        // The guest says READY until it is first asked: what had not been read yet would pass for the next boot's.
        lister.list();
        // The lab's guests are started so that a guest's own reboot ends them; that holds for the button too.
        qmp.execute("set-action", Map.of("reboot", "reset"));
        qmp.execute("system_reset", Map.of());
    }

    /** Waits until all its processes are up again after a {@link #reset()}. */
    public synchronized void awaitUp() throws IOException {
        lister.awaitReady(BOOT_SECONDS);
    }

    /** Lets processes begin and end in it from now on. */
    public void churn() throws IOException {
        lister.churn();
    }

    /** Saves the guest, which stands still from then on. */
    public void save(Path file) throws IOException {
        qmp.execute("migrate", Map.of("uri", "exec:cat > '" + file + "'"));
        String status = "";
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(ANSWER_SECONDS); !status.equals("completed");) {
            checkAlive(end, "be saved");
            status = qmp.execute("query-migrate", Map.of()).path("status").asText();
            if (status.equals("failed")) {
                throw new IOException("saving failed: " + hmp("info migrate"));
            }
        }
    }

    /**
     * Makes a snapshot that {@link #goBack} goes back to.
     *
     * @param disk where QEMU keeps it
     */
    public void snapshot(Path disk) throws IOException {
        job("make", "blockdev-create", Map.of("options", Map.of("driver", "file", "filename", disk.toString(), "size", 0)));
        qmp.execute("blockdev-add", Map.of("driver", "file", "filename", disk.toString(), "node-name", "snapshot-file"));
        job("format", "blockdev-create", Map.of("options", Map.of("driver", "qcow2", "file", "snapshot-file",
                "size", 1 << 20)));
        qmp.execute("blockdev-add", Map.of("driver", "qcow2", "file", "snapshot-file", "node-name", "snapshots"));
        job("save", "snapshot-save", Map.of("tag", "then", "vmstate", "snapshots", "devices", List.of("snapshots")));
    }

    /** Goes back to the snapshot, in the same QEMU. */
    public void goBack() throws IOException {
        job("load", "snapshot-load", Map.of("tag", "then", "vmstate", "snapshots", "devices", List.of("snapshots")));
        // Loading leaves the guest as it was, which is stopped while the snapshot was made.
        resume();
    }

    private void job(String id, String command, Map<String, ?> arguments) throws IOException {
        Map<String, Object> all = new HashMap<>(arguments);
        all.put("job-id", id);
        qmp.execute(command, all);
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(ANSWER_SECONDS);
        while (true) {
            checkAlive(end, command);
            for (JsonNode job : qmp.execute("query-jobs", Map.of())) {
                if (job.get("id").asText().equals(id) && job.get("status").asText().equals("concluded")) {
                    qmp.execute("job-dismiss", Map.of("id", id));
                    if (job.has("error")) {
                        throw new IOException(command + ": " + job.get("error").asText());
                    }
                    return;
                }
            }
        }
    }

    /** Stops the guest: no vCPU runs until {@link #resume()}. */
    public void stop() throws IOException {
        qmp.execute("stop", Map.of());
    }

    public void resume() throws IOException {
        qmp.execute("cont", Map.of());
    }

    /** Writes an image of the guest's memory. The guest should be stopped, for else it is of no one moment. */
    public void image(Path file, ImageFormat format) throws IOException {
        switch (format) {
            case ELF -> dump(file, "elf");
            case KDUMP -> dump(file, "kdump-zlib");
            case RAW -> raw(file);
            case LIME -> lime(file);
            case FILTERED -> {
                Path elf = file.resolveSibling(file.getFileName() + ".elf");
                dump(elf, "elf");
                moveProgramHeaders(elf);
                makedumpfile(elf, file);
                Files.delete(elf);
            }
        }
    }

    private void dump(Path file, String format) throws IOException {
        qmp.execute("dump-guest-memory", Map.of("paging", false, "protocol", "file:" + file, "format", format));
    }

    private void raw(Path file) throws IOException {
        if (ramSize() > PCI_HOLE) {
            throw new IllegalArgumentException("RAM and GPA differ above the PCI hole");
        }
        qmp.execute("pmemsave", Map.of("val", 0, "size", ramSize(), "filename", file.toString()));
    }

    private long ramSize() {
        return spec.memoryMiB() * 1024L * 1024L;
    }

    /** LiME leaves out what is not RAM: the hole for video memory and firmware below 1 MiB. */
    private void lime(Path file) throws IOException {
        Path raw = file.resolveSibling(file.getFileName() + ".raw");
        raw(raw);
        try (FileChannel in = FileChannel.open(raw);
                FileChannel out = new RandomAccessFile(file.toFile(), "rw").getChannel()) {
            for (long[] range : new long[][] {{0, 0x9fc00}, {0x100000, ramSize()}}) {
                ByteBuffer header = ByteBuffer.allocate(32).order(ByteOrder.LITTLE_ENDIAN);
                // The magic, the version, and the first and the last byte of the range.
                header.putInt(0x4c694d45).putInt(1).putLong(range[0]).putLong(range[1] - 1).putLong(0).flip();
                out.write(header);
                for (long at = range[0]; at < range[1];) {
                    at += in.transferTo(at, range[1] - at, out);
                }
            }
        }
        Files.delete(raw);
    }

    /** makedumpfile looks for the program headers right behind the ELF header; QEMU 7.1 and later put them elsewhere. */
    private static void moveProgramHeaders(Path elf) throws IOException {
        try (FileChannel file = FileChannel.open(elf, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            ByteBuffer header = ByteBuffer.allocate(64).order(ByteOrder.LITTLE_ENDIAN);
            file.read(header, 0);
            ByteBuffer programHeaders = ByteBuffer.allocate(header.getShort(54) * header.getShort(56));
            file.read(programHeaders, header.getLong(32));
            // e_phoff and e_shoff; then e_shentsize, e_shnum and e_shstrndx: no section headers any more
            header.putLong(32, 64).putLong(40, 0).putShort(58, (short) 0).putShort(60, (short) 0)
                    .putShort(62, (short) 0);
            file.write(header.flip(), 0);
            file.write(programHeaders.flip(), 64);
        }
    }

    private static void makedumpfile(Path elf, Path file) throws IOException {
        Process p = new ProcessBuilder("makedumpfile", "-c", "-d", "31", elf.toString(), file.toString())
                .redirectErrorStream(true).start();
        try (InputStream in = p.getInputStream()) {
            String said = new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
            if (p.waitFor() != 0) {
                throw new IOException("makedumpfile failed: " + said);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted", e);
        }
    }

    /** Whether any QMP client stopped the guest. */
    public boolean wasStopped() throws IOException {
        JsonNode status = qmp.execute("query-status", Map.of());
        return qmp.events().contains("STOP") || !status.get("running").asBoolean();
    }

    @Override
    public void close() throws IOException {
        try {
            end();
        } finally {
            MACHINES.release();
        }
    }

    private void end() throws IOException {
        qemu.destroyForcibly();
        try {
            qemu.waitFor(1, TimeUnit.MINUTES);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (qmp != null) {
            qmp.close();
        }
        try (Stream<Path> files = Files.walk(folder.getParent())) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        }
        RUNNING.remove(this);
    }
}
