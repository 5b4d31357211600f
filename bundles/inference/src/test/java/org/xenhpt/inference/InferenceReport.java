// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.inference;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import org.xenhpt.api.decoder.TaskReader;
import org.xenhpt.api.error.HptException;
import org.xenhpt.api.guest.Guest;
import org.xenhpt.api.guest.GuestUri;
import org.xenhpt.api.kernel.Kernel;
import org.xenhpt.api.kernel.KernelIdentity;
import org.xenhpt.api.process.Task;
import org.xenhpt.api.process.TaskQuery;
import org.xenhpt.api.profile.Member;
import org.xenhpt.api.profile.Needs;
import org.xenhpt.api.profile.Profile;
import org.xenhpt.api.progress.Progress;
import org.xenhpt.api.translation.AddressSpace;
import org.xenhpt.backend.file.FileBackend;
import org.xenhpt.decoder.linux49.Linux49Decoder;
import org.xenhpt.identify.GuestMemoryProfiles;
import org.xenhpt.identify.LinuxIdentifier;
import org.xenhpt.translation.X86Translator;

/**
 * Run by hand: infers the layouts of memory images as if they carried neither BTF nor kallsyms; compares them with the
 * images' own BTF where there is one, and the tasks read with them with what the guest's own /proc said, where that
 * lies beside the image as NAME.list (a line a task: tid pid ppid state euid start-ticks cpu-ticks [...]
 * name-in-hexadecimal).
 *
 * <p>Arguments: images; {@code -v} before them shows every member.
 */
final class InferenceReport {
    /** The list was made some time before the image. */
    private static final int TICKS_APART = 3;

    private InferenceReport() {
    }

    public static void main(String[] arguments) throws IOException {
        boolean verbose = arguments.length > 0 && arguments[0].equals("-v");
        System.out.println("| image | kernel | members right / with BTF | tasks' fields right / asked | running; booted |"
                + " ms | not found |");
        System.out.println("| --- | --- | --- | --- | --- | --- | --- |");
        for (String image : List.of(arguments).subList(verbose ? 1 : 0, arguments.length)) {
            X86Translator translator = new X86Translator();
            try (Guest guest = new FileBackend().open(new GuestUri("file", image))) {
                KernelIdentity kernel = new LinuxIdentifier(translator).identify(guest, Progress.NONE);
                AddressSpace space = translator.open(guest.memory(), kernel.paging(), kernel.rootGpa());
                report(Path.of(image), guest, kernel, space, verbose);
            }
        }
    }

    private static void report(Path image, Guest guest, KernelIdentity kernel, AddressSpace space, boolean verbose)
            throws IOException {
        KernelMemory memory = new KernelMemory(space, kernel);
        Inference inference = new Inference(memory);
        long start = System.nanoTime();
        Optional<Findings> found = inference.run();
        long millis = (System.nanoTime() - start) / 1_000_000;
        if (found.isEmpty()) {
            System.out.println("| " + image.getFileName() + " | " + kernel.release() + " | " + inference.rejected());
            return;
        }
        Findings findings = found.get();
        Profile profile = new InferredProfiles().find(guest, kernel, space, Needs.NONE, Progress.NONE).orElseThrow();
        System.out.println("| " + image.getFileName() + " | " + kernel.release() + " " + kernel.architecture().label()
                + " " + kernel.paging().label() + " | " + members(findings, guest, kernel, space, verbose) + " | "
                + tasks(image, new Kernel(kernel, profile), space) + " | " + now(new Kernel(kernel, profile), space) + " | "
                + millis
                + (Boolean.getBoolean("reads") ? " (" + memory.reads() + " reads)" : "") + " | "
                + String.join("; ", findings.missing()) + " |");
    }

    private static String members(Findings findings, Guest guest, KernelIdentity kernel, AddressSpace space,
            boolean verbose) {
        Optional<Profile> known = Optional.empty();
        try {
            TreeSet<String> members = new TreeSet<>();
            TreeSet<String> symbols = new TreeSet<>(findings.symbols().keySet());
            symbols.add("pcpu_hot");
            findings.evidence().forEach(e -> members.add(e.struct() + "." + e.member()));
            known = new GuestMemoryProfiles().find(guest, kernel, space,
                    new Needs(symbols, members), Progress.NONE);
        } catch (HptException none) {
            // The kernel does not tell.
        }
        int right = 0;
        for (Evidence evidence : findings.evidence()) {
            Optional<Member> member = known.flatMap(p -> p.member(evidence.struct(), evidence.member()));
            boolean same = member.filter(m -> m.offset() == evidence.offset()).isPresent();
            right += same ? 1 : 0;
            if (verbose || known.isPresent() && !same) {
                System.out.println((known.isEmpty() ? "? " : same ? "right " : "WRONG ") + evidence);
            }
        }
        for (Map.Entry<String, Long> symbol : findings.symbols().entrySet()) {
            // Of 6.2 to 6.14, current_task is the first member of pcpu_hot.
            Optional<Long> real = known.isEmpty() ? Optional.empty() : Optional.ofNullable(known.get().symbols()
                    .getOrDefault(symbol.getKey(), symbol.getKey().equals(RunningTasks.CURRENT)
                            ? known.get().symbols().get("pcpu_hot") : null));
            boolean same = real.isPresent() && new Kernel(kernel, known.get()).relocate(real.get()) == symbol.getValue();
            if (verbose || known.isPresent() && !same && !symbol.getKey().equals(Timekeeper.STRUCT)) {
                System.out.println((known.isEmpty() || real.isEmpty() ? "? " : same ? "right " : "WRONG ") + symbol.getKey()
                        + " at 0x" + Long.toHexString(symbol.getValue()) + ": " + findings.reason(symbol.getKey()));
            }
        }
        return known.isEmpty() ? findings.evidence().size() + " found" : right + " / " + findings.evidence().size();
    }

    private static String now(Kernel kernel, AddressSpace space) {
        TaskReader reader = new Linux49Decoder().attach(kernel, space);
        long booted = reader.read(TaskQuery.PROCESSES).bootEpochNanos();
        String running;
        try {
            running = reader.current(List.of()).stream().map(c -> c.task().name()).toList().toString();
        } catch (HptException unknown) {
            running = "unknown";
        }
        return running + "; " + (booted == Task.UNKNOWN ? "unknown" : Instant.ofEpochSecond(0, booted));
    }

    private static String tasks(Path image, Kernel kernel, AddressSpace space) throws IOException {
        Path list = image.resolveSibling(image.getFileName().toString().replaceFirst("\\.[^.]*$", ".list"));
        Map<Integer, Task> read = new TreeMap<>();
        new Linux49Decoder().attach(kernel, space).read(TaskQuery.THREADS).tasks().forEach(t -> read.put(t.pid(), t));
        if (!Files.exists(list)) {
            return read.size() + " tasks";
        }
        int right = 0;
        int asked = 0;
        Map<String, Integer> wrong = new LinkedHashMap<>();
        for (String line : Files.readAllLines(list)) {
            String[] words = line.split(" ");
            if (!words[0].matches("\\d+")) {
                continue;
            }
            Task task = read.get(Integer.parseInt(words[0]));
            Map<String, Boolean> fields = task == null ? Map.of("task", false) : agreement(task, words);
            for (Map.Entry<String, Boolean> field : fields.entrySet()) {
                asked++;
                right += field.getValue() ? 1 : 0;
                if (!field.getValue()) {
                    wrong.merge(field.getKey() + " of " + words[0], 1, Integer::sum);
                }
            }
        }
        return right + " / " + asked + (wrong.isEmpty() ? "" : " " + wrong.keySet());
    }

    private static Map<String, Boolean> agreement(Task task, String[] words) {
        String last = words[words.length - 1];
        String name = last.equals("-") ? "" : new String(HexFormat.of().parseHex(last), StandardCharsets.UTF_8);
        Map<String, Boolean> fields = new LinkedHashMap<>();
        fields.put("tgid", task.tgid() == Integer.parseInt(words[1]));
        fields.put("ppid", task.ppid() == Integer.parseInt(words[2]));
        fields.put("state", task.state() == words[3].charAt(0));
        fields.put("uid", task.uid() == Long.parseLong(words[4]));
        fields.put("start", task.startNanos() / 10_000_000 == Long.parseLong(words[5]));
        fields.put("cpu", Math.abs(task.cpuNanos() / 10_000_000 - Long.parseLong(words[6])) <= TICKS_APART);
        // What is not UTF-8 the product shows escaped, which the tests of real guests check.
        fields.put("name", task.name().equals(name) || name.contains("\ufffd"));
        return fields;
    }
}
