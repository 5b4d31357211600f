// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import com.sun.jna.Function;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Enough of QEMU to be opened: it answers QMP, and the RAM of its guest is really where it says, in this process. RAM
 * has 640 KiB at GPA 0, 2 MiB at GPA 1 MiB and, after a hole, 2 MiB at GPA 4 GiB. Each aligned word of 8 bytes holds
 * {@link #word} of its GPA.
 */
@SuppressWarnings("try")
final class FakeQemu implements AutoCloseable {
    static final long HIGH = 0x100000000L;
    static final int RAM_SIZE = 5 << 20;
    private static final int HIGH_IN_BLOCK = 3 << 20;
    private static final String MTREE = String.join("\r\n", "FlatView #0", " AS \"memory\", root: system",
            " AS \"cpu-memory-0\", root: system", " Root memory region: system",
            "  0000000000000000-000000000009ffff (prio 0, ram): pc.ram",
            "  00000000000a0000-00000000000bffff (prio 1, i/o): vga-lowmem",
            "  00000000000c0000-00000000000fffff (prio 0, rom): pc.ram @00000000000c0000",
            "  0000000000100000-00000000002fffff (prio 0, ram): pc.ram @0000000000100000",
            "  00000000fd000000-00000000fdffffff (prio 1, ram): vga.vram",
            "  0000000100000000-00000001001fffff (prio 0, ram): pc.ram @0000000000300000", "");

    private final ByteBuffer ram;
    private final FakeQmp qmp;
    private final Map<String, String> answers = new HashMap<>();

    /** With RAM of its own. */
    static FakeQemu anonymous(Path socket) throws IOException {
        return new FakeQemu(socket, ByteBuffer.allocateDirect(RAM_SIZE + 4096).alignedSlice(4096));
    }

    /** With RAM that is a file, mapped shared. */
    static FakeQemu shared(Path socket, Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
            return new FakeQemu(socket, channel.map(FileChannel.MapMode.READ_WRITE, 0, RAM_SIZE));
        }
    }

    private FakeQemu(Path socket, ByteBuffer ram) throws IOException {
        this.ram = ram.order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < RAM_SIZE; at += 8) {
            ram.putLong(at, word(at < HIGH_IN_BLOCK ? at : HIGH + at - HIGH_IN_BLOCK));
        }
        answers.put("query-name", "{\"name\": \"fake\"}");
        answers.put("query-kvm", "{\"enabled\": true, \"present\": true}");
        answers.put("query-status", "{\"status\": \"running\", \"running\": true}");
        answers.put("query-memory-size-summary", "{\"base-memory\": " + RAM_SIZE + ", \"plugged-memory\": 0}");
        answers.put("query-cpus-fast", "[{\"cpu-index\": 0, \"thread-id\": " + ProcessHandle.current().pid() + "}]");
        answers.put("query-memdev", "[{\"id\": \"pc.ram\", \"size\": " + RAM_SIZE + "}]");
        answers.put("info mtree -f", quoted(MTREE));
        answers.put("info registers -a", quoted("\r\nCPU#0\r\nRIP=ffffffff819eb2bb RFL=00000246\r\n"));
        qmp = new FakeQmp(socket, peer -> {
            peer.begin();
            while (true) {
                String request = peer.hear();
                peer.answer(request, answer(QmpValue.parse(request)));
            }
        });
    }

    static long word(long gpa) {
        return gpa * 0x9e3779b97f4a7c15L + 1;
    }

    /** Answers a command, or a command line of the human monitor, with this JSON. */
    FakeQemu says(String command, String json) {
        answers.put(command, json);
        return this;
    }

    FakeQemu says(String command, String inText, String instead) {
        return says(command, answers.get(command).replace(inText, instead));
    }

    static String quoted(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\r", "\\r").replace("\n", "\\n") + "\"";
    }

    private String answer(QmpValue request) {
        String command = request.get("execute").text("");
        String line = request.get("arguments").get("command-line").text("");
        String answer = answers.get(command.equals("human-monitor-command") ? line : command);
        if (answer != null) {
            return answer;
        }
        if (line.startsWith("gpa2hva 0x")) {
            long gpa = Long.parseLong(line.substring(10), 16);
            long address = Pointer.nativeValue(Native.getDirectBufferPointer(ram))
                    + (gpa < HIGH ? gpa : gpa - HIGH + HIGH_IN_BLOCK);
            return quoted("Host virtual address for " + line.substring(8) + " (pc.ram) is 0x"
                    + Long.toHexString(address) + "\r\n");
        }
        if (line.startsWith("poke ")) {
            // The guest writes: GPA below the hole, value.
            String[] words = line.split(" ");
            ram.putLong(Integer.parseInt(words[1]), Long.parseLong(words[2]));
            return quoted("");
        }
        return quoted("unknown command: '" + line + "'\r\n");
    }

    @Override
    public void close() throws IOException {
        qmp.close();
    }

    /**
     * As a process of its own, that can be killed.
     *
     * @param arguments the socket; the RAM's file if it has one; then what QEMU would be told, which nobody reads but
     *                  who looks at the command line. With {@code -daemonize} it goes to the root directory
     */
    public static void main(String[] arguments) throws Exception {
        Path socket = Path.of(arguments[0]);
        boolean file = arguments.length > 1 && !arguments[1].startsWith("-");
        try (FakeQemu qemu = file ? shared(socket, Path.of(arguments[1])) : anonymous(socket)) {
            if (List.of(arguments).contains("-daemonize")
                    && Function.getFunction("c", "chdir").invokeInt(new Object[] {"/"}) != 0) {
                throw new IOException("chdir failed");
            }
            System.out.println("ready");
            while (System.in.read() >= 0) {
                // Until the test ends.
            }
        }
    }

    static Process start(String... arguments) throws IOException {
        return start(Path.of(System.getProperty("java.home"), "bin", "java"), Path.of("."), arguments);
    }

    static Process start(Path java, Path directory, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(java.toString(), "-cp", classPath(), FakeQemu.class.getName()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).directory(directory.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("PWD", directory.toAbsolutePath().toString());
        Process process = builder.start();
        String line = process.inputReader().readLine();
        if (!"ready".equals(line)) {
            process.destroyForcibly();
            throw new IOException("the fake QEMU did not start, it said " + line);
        }
        return process;
    }

    private static String classPath() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(entry -> new File(entry).getAbsolutePath()).collect(Collectors.joining(File.pathSeparator));
    }
}
