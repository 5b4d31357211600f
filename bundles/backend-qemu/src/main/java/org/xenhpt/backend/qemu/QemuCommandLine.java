// SPDX-License-Identifier: Apache-2.0
package org.xenhpt.backend.qemu;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What the command line of a QEMU process tells of its guest (qemu(1)). It belongs to whoever started the process: it
 * is used for listing guests, never for reading them.
 */
final class QemuCommandLine {
    private static final int MAX_NAME = 256;

    private final Map<String, List<String>> options = new HashMap<>();

    /** @param arguments of the process, the program's name first */
    QemuCommandLine(List<String> arguments) {
        for (int i = 1; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            if (argument.startsWith("-") && argument.length() > 1 && i + 1 < arguments.size()) {
                options.computeIfAbsent(argument.replaceFirst("^--?", ""), option -> new ArrayList<>())
                        .add(arguments.get(i + 1));
            }
        }
    }

    /** The guest's name, empty when it has none. */
    Optional<String> name() {
        return last("name").map(value -> properties(value, "guest").getOrDefault("guest", ""))
                .filter(name -> !name.isEmpty()).map(name -> name.substring(0, Math.min(name.length(), MAX_NAME)));
    }

    /** Memory in bytes at start, -1 when not told. Without a suffix the number is of MiB. */
    long memoryBytes() {
        String size = last("m").map(value -> properties(value, "size").getOrDefault("size", "")).orElse("");
        if (!size.matches("[0-9]{1,12}[BbKkMmGgTt]?")) {
            return -1;
        }
        char unit = Character.toUpperCase(size.charAt(size.length() - 1));
        long number = Long.parseLong(size.replaceAll("[^0-9]", ""));
        int shift = switch (unit) {
            case 'B' -> 0;
            case 'K' -> 10;
            case 'G' -> 30;
            case 'T' -> 40;
            default -> 20;
        };
        return number > Long.MAX_VALUE >> shift ? -1 : number << shift;
    }

    /** The number of vCPUs at start, -1 when not told. */
    int vcpus() {
        String cpus = last("smp").map(value -> properties(value, "cpus").getOrDefault("cpus", "")).orElse("1");
        return cpus.matches("[0-9]{1,6}") ? Integer.parseInt(cpus) : -1;
    }

    /**
     * A QMP socket.
     *
     * @param path of the listening socket as QEMU was told, may be relative; empty when it got an open one
     * @param fd   number of the open socket that it got, as libvirt does it
     */
    record QmpSocket(String path, OptionalInt fd) {
    }

    /** The unix sockets at which QEMU listens for QMP clients. */
    List<QmpSocket> qmpSockets() {
        List<QmpSocket> sockets = new ArrayList<>();
        for (String option : List.of("qmp", "qmp-pretty")) {
            for (String value : options.getOrDefault(option, List.of())) {
                if (value.startsWith("unix:")) {
                    Map<String, String> properties = properties(value.substring(5), "path");
                    add(sockets, properties);
                } else if (value.startsWith("chardev:")) {
                    chardev(sockets, value.substring(8));
                }
            }
        }
        for (String value : options.getOrDefault("mon", List.of())) {
            Map<String, String> monitor = properties(value, "chardev");
            if (monitor.getOrDefault("mode", "readline").equals("control")) {
                chardev(sockets, monitor.getOrDefault("chardev", ""));
            }
        }
        return sockets;
    }

    private void chardev(List<QmpSocket> sockets, String id) {
        for (String value : options.getOrDefault("chardev", List.of())) {
            Map<String, String> chardev = properties(value, "backend");
            if (chardev.getOrDefault("backend", "").equals("socket") && chardev.getOrDefault("id", "").equals(id)) {
                add(sockets, chardev);
            }
        }
    }

    private static void add(List<QmpSocket> sockets, Map<String, String> properties) {
        // "server" alone, "server=on", or -qmp's default; a socket where QEMU is the client is no use to us.
        boolean server = !List.of("off", "no", "false", "n").contains(properties.getOrDefault("server", "on"))
                && !properties.containsKey("noserver");
        String fd = properties.getOrDefault("fd", "");
        if (server && fd.matches("[0-9]{1,6}")) {
            sockets.add(new QmpSocket("", OptionalInt.of(Integer.parseInt(fd))));
        } else if (server && !properties.getOrDefault("path", "").isEmpty()) {
            sockets.add(new QmpSocket(properties.get("path"), OptionalInt.empty()));
        }
    }

    private Optional<String> last(String option) {
        List<String> values = options.getOrDefault(option, List.of());
        return values.isEmpty() ? Optional.empty() : Optional.of(values.get(values.size() - 1));
    }

    /** Splits {@code first,key=value,flag}; a comma in a value is written twice. */
    static Map<String, String> properties(String text, String firstKey) {
        Map<String, String> properties = new HashMap<>();
        StringBuilder part = new StringBuilder();
        boolean first = true;
        for (int i = 0; i <= text.length(); i++) {
            boolean comma = i < text.length() && text.charAt(i) == ',';
            if (comma && i + 1 < text.length() && text.charAt(i + 1) == ',') {
                part.append(',');
                i++;
            } else if (comma || i == text.length()) {
                int equals = part.indexOf("=");
                if (equals > 0) {
                    properties.put(part.substring(0, equals), part.substring(equals + 1));
                } else {
                    properties.put(first ? firstKey : part.toString(), first ? part.toString() : "on");
                }
                part.setLength(0);
                first = false;
            } else {
                part.append(text.charAt(i));
            }
        }
        return properties;
    }
}
